"""Forms of promotions. They check the shape of what is typed; the domain functions check the state."""
