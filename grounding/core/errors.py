"""The one error that every command turns into a single line and exit status 2."""


class UserError(ValueError):
    """Something the user asked for cannot be done.

    The message is one line: what is wrong, its value, what is allowed, and the next thing to type.
    Anything else that is raised is a mistake of ours and keeps its traceback.
    """
