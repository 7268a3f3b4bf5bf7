"""What people type about promotions: shape is checked here, state by the domain functions."""
