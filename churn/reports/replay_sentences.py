"""What a replay found, in sentences."""


def finding(told):
    return []
