"""A stand-in for Colab's page, with frames of another origin: page.html says what it shows."""
