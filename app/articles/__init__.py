"""Articles for the public: written by one person, reviewed by another, published through the official account."""
