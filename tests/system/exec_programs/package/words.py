"""What the package says."""


def shout(word: str) -> str:
    return word.upper()
