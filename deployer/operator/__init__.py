"""A Kubernetes operator: each AssistantProject of a cluster is kept live on its account.

reconciling  one round of one resource, without Kubernetes: files and secrets in, conditions out
handlers     what kopf calls: resources, ConfigMaps and Secrets watched, status patched

Needs `pip install 'deployer[operator]'`; `kopf run -m deployer.operator.handlers --all-namespaces` starts it.
"""
