"""The suite's order."""


def pytest_collection_modifyitems(items):
    """The longest test begins among the first: at the end one worker would wait for another that installs a wheel."""
    items.sort(key=lambda item: item.path.name != "test_wheel.py")
