"""The fingerprint of a plan: the same for the same changes, however inputs were ordered."""

from deployer.engine import canonical
from deployer.engine.data import plan_data
from deployer.model import Plan


def of(plan: Plan) -> str:
    """Give the sha256 (hex) over the canonical JSON of the plan, without the fingerprint itself."""
    return canonical.sha256(plan_data(plan))
