"""The pages of promotions, one module for each subject."""
