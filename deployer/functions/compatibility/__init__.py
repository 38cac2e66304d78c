"""What a change of a function means for the application that handles its calls."""
