"""Write every generated table into its page, between its marks."""

from docs.generate import pages

if __name__ == "__main__":
    pages.write()
