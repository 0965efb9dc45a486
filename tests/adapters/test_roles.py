"""Rights as rules: the fewest that grant them, and nothing more."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from adapters.kubernetes import roles
from adapters.kubernetes.roles import Rule
from flows.actions import Permission

Asked = tuple[str, str, str, str]
SOME = st.sets(
    st.builds(
        Permission,
        kind=st.just("kubernetes"),
        verb=st.sampled_from(["get", "list", "patch"]),
        resource=st.sampled_from(["pods", "secrets", "deployments.apps", "deployments.apps/scale"]),
        scope=st.sampled_from(["production", "staging", ""]),
        name=st.sampled_from(["", "a", "b"]),
    )
)


def right(verb: str, resource: str, name: str = "", scope: str = "production") -> Permission:
    """Name a right."""
    return Permission(kind="kubernetes", verb=verb, resource=resource, scope=scope, name=name)


def granted(rules: tuple[Rule, ...]) -> set[Asked]:
    """Spell out what rules grant; an empty name is every object."""
    return {
        (rule.scope, f"{plural.partition('/')[0]}.{rule.group}/{plural}", verb, name)
        for rule in rules
        for plural, verb, name in product(rule.resources, rule.verbs, rule.names or ("",))
    }


def asked(permission: Permission) -> Asked:
    """Spell out one right in the same way."""
    named, _, sub = permission.resource.partition("/")
    plural, _, group = named.partition(".")
    full = f"{plural}/{sub}" if sub else plural
    return permission.scope, f"{plural}.{group}/{full}", permission.verb, permission.name


@given(SOME)
def test_rules_grant_what_was_asked_for_and_nothing_more(permissions: set[Permission]) -> None:
    """Every right is granted, by its name or on every object; no rule grants anything else."""
    found = granted(roles.rules(permissions))
    wanted = {asked(each) for each in permissions}
    assert all(each in found or (*each[:3], "") in found for each in wanted)
    assert found <= wanted


def test_rights_of_one_kind_share_a_rule() -> None:
    """Verbs and names are put together where the rest is the same."""
    found = roles.rules(
        [
            *(right(verb, "d.apps", "a") for verb in ("get", "patch")),
            right("list", "pods"),
            right("list", "pods", "a"),
        ]
    )
    assert [str(rule) for rule in found] == [
        '{apiGroups: [""], resources: ["pods"], verbs: ["list"]}',
        '{apiGroups: ["apps"], resources: ["d"], resourceNames: ["a"], verbs: ["get", "patch"]}',
    ]


def test_rights_on_the_cluster_come_as_a_cluster_role() -> None:
    """Each namespace has its Role, the cluster its ClusterRole, each bound to the account."""
    found = roles.objects(
        [right("list", "pods"), right("get", "namespaces", "kube-system", scope="")],
        name="backout-aivo",
        account="backout",
        namespace="tools",
    )
    assert [(each["kind"], each["metadata"].get("namespace")) for each in found] == [
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        ("Role", "production"),
        ("RoleBinding", "production"),
    ]
    assert all(
        each["subjects"] == [{"kind": "ServiceAccount", "name": "backout", "namespace": "tools"}]
        for each in found
        if "subjects" in each
    )


def test_rights_elsewhere_are_no_rules() -> None:
    """A right of another service is none of Kubernetes'."""
    assert roles.rules([Permission(kind="iam", verb="rds:Describe", resource="*")]) == ()
