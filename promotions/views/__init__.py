"""The pages of promotions, a module for each subject."""
