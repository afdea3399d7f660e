"""Presidio takes seconds to load, so one detector serves every test."""

import pytest

from firewall.detect.pii.detector import PresidioDetector


@pytest.fixture(scope="session")
def presidio() -> PresidioDetector:
    return PresidioDetector()
