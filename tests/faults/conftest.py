"""The tiny model, its neurons, tasks and study, a tuning experiment and a leaderboard of invented results."""

from tests.analysis.test_tuning import make, parts  # noqa: F401 - fixtures
from tests.harness.conftest import mask, neurons, task_folder, tiny_model  # noqa: F401 - fixtures
from tests.leaderboard.conftest import toy_output  # noqa: F401 - fixtures
from tests.studies.conftest import keys, study, write  # noqa: F401 - fixtures
