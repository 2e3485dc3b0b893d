"""The errors that Colab's functions share."""


class Error(Exception):
    """Whatever goes wrong."""


class RuntimeManagementError(Error):
    """The runtime could not be released."""
