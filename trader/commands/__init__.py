"""What a person types after ``trader``: a module for each command, loaded when it is asked for."""
