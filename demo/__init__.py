"""The leak attempt, played with and without the wall."""
