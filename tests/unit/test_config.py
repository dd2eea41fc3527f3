"""A process starts with every setting right or not at all, and says everything that is wrong at once."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.config.config import NOT_CONFIGURED, SETTINGS, InvalidConfiguration, config_or_exit, load_config
from shared.config.kinds import amqp_hosts
from shared.runtime.clock import ReplayClock, SystemClock

PASSWORD = "hunter-two"
MONGODB = f"mongodb://app:{PASSWORD}@127.0.0.1:27117/?replicaSet=rs0"
AMQP = f"amqp://app:{PASSWORD}@127.0.0.1:5777/"


@pytest.fixture
def env(tmp_path):
    """A complete environment, such as the local stack gives to all processes alike."""
    key = Ed25519PrivateKey.generate().public_key()
    (tmp_path / "jwt.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "person.key").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "directory.yaml").write_text("teams: []\n")
    (tmp_path / "standards").mkdir()
    return {
        "MONGODB_URI": MONGODB,
        "AMQP_URI": AMQP,
        "JWT_PUBLIC_KEY_FILE": str(tmp_path / "jwt.pem"),
        "PERSON_ID_KEY_FILE": str(tmp_path / "person.key"),
        "DIRECTORY_FILE": str(tmp_path / "directory.yaml"),
        "STANDARDS_DIR": str(tmp_path / "standards"),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "2525",
        "MAIL_FROM": "followthrough@example.org",
        "PERINATAL_URL": "http://127.0.0.1:8001",
        "LEAVING_CARE_URL": "http://127.0.0.1:8002",
        "PATH": "/usr/bin",
    }


@pytest.fixture
def stack(env, tmp_path):
    """The same within a local stack whose domain time comes from a file."""
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / "clock").write_text("2013-01-14T09:00:00Z\n")
    (folder / "stack.json").write_text(json.dumps({"mongodb_uri": MONGODB, "amqp_uri": AMQP}))
    return {**env, "LOCAL_STACK_DIR": str(folder), "REPLAY_CLOCK_FILE": str(folder / "clock")}


def faults_of(env, service="referrals_followup", role="serve") -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        load_config(env, service=service, role=role)
    assert PASSWORD not in str(caught.value)
    return str(caught.value).splitlines()


def test_a_complete_environment_gives_every_setting_its_type(env):
    config = load_config({**env, "LOG_LEVEL": "WARNING"}, service="referrals_followup", role="serve")

    assert (config.mongodb_uri, config.amqp_uri, config.smtp_port) == (MONGODB, AMQP, 2525)
    assert config.log_level == "warning"
    assert config.standards_dir.is_dir()
    assert b"BEGIN PUBLIC KEY" in config.jwt_public_key()
    assert isinstance(config.clock(), SystemClock)


def test_a_setting_that_is_not_set_has_its_default(env):
    config = load_config({**env, "BODY_LIMIT_BYTES": ""}, service="perinatal", role="serve")

    assert config.mongodb_database == "perinatal"
    assert (config.http_address, config.public_url) == ("127.0.0.1:8000", "http://127.0.0.1:8000")
    assert (config.jwt_issuer, config.jwt_audience) == ("followthrough", "followthrough")
    assert (config.body_limit_bytes, config.sweep_interval_seconds) == (65536, 60)
    assert config.bank_holidays_until == datetime.now(UTC).year + 1


def test_the_person_id_key_is_the_same_with_and_without_a_final_newline(env):
    config = load_config(env, service="perinatal", role="serve http")

    assert config.person_id_key() == b"0123456789abcdef0123456789abcdef"


def test_a_configuration_shows_no_password(env):
    assert PASSWORD not in repr(load_config(env, service="perinatal", role="serve"))


NEEDED = {
    ("perinatal", "serve http"): {"MONGODB_URI", "JWT_PUBLIC_KEY_FILE", "PERSON_ID_KEY_FILE"},
    ("perinatal", "serve bus"): {"MONGODB_URI", "AMQP_URI", "PERSON_ID_KEY_FILE"},
    ("leaving_care", "serve"): {"MONGODB_URI", "AMQP_URI", "JWT_PUBLIC_KEY_FILE", "PERSON_ID_KEY_FILE"},
    ("leaving_care", "relay"): {"MONGODB_URI", "AMQP_URI"},
    ("leaving_care", "topology"): {"AMQP_URI"},
    ("referrals_followup", "tick"): {"MONGODB_URI", "AMQP_URI"},
    ("referrals_followup", "adopt"): {"MONGODB_URI", "DIRECTORY_FILE", "STANDARDS_DIR"},
    ("referrals_followup", "serve http"): {
        "MONGODB_URI",
        "JWT_PUBLIC_KEY_FILE",
        "DIRECTORY_FILE",
        "STANDARDS_DIR",
        "PERINATAL_URL",
        "LEAVING_CARE_URL",
    },
    ("referrals_followup", "serve bus"): {
        "MONGODB_URI",
        "AMQP_URI",
        "DIRECTORY_FILE",
        "STANDARDS_DIR",
        "SMTP_HOST",
        "MAIL_FROM",
        "PERINATAL_URL",
        "LEAVING_CARE_URL",
    },
}


@pytest.mark.parametrize(("service", "role"), NEEDED)
def test_a_role_asks_for_exactly_what_it_needs(service, role):
    assert faults_of({}, service, role) == [
        f"environment: {name}: is needed by {service} {role} and not set" for name in sorted(NEEDED[service, role])
    ]


@pytest.mark.parametrize(("service", "role"), NEEDED)
def test_a_role_starts_with_what_it_needs_and_nothing_more(env, service, role):
    load_config({name: env[name] for name in NEEDED[service, role]}, service=service, role=role)


def test_the_settings_of_another_service_are_ignored(env):
    load_config({**env, "SMTP_PORT": "none", "STANDARDS_DIR": "/nowhere"}, service="perinatal", role="serve")


BAD = [
    (name.upper(), value, declared.services[0])
    for name, declared in SETTINGS.items()
    for value in declared.kind.metadata.get("bad", [str(NOT_CONFIGURED)])  # files and folders have no bad values
]


@pytest.mark.parametrize(("name", "value", "service"), BAD)
def test_an_ill_formed_variable_is_a_fault_by_its_name_without_its_password(env, name, value, service):
    [fault] = faults_of({**env, name: value}, service)

    assert fault.startswith(f"environment: {name}: ")


@pytest.mark.parametrize(
    "uri", ["mongodb://a:27017,b:27018/?replicaSet=rs0", "mongodb+srv://u:p@cluster.example.org/db", "mongodb://[::1]"]
)
def test_a_replica_set_or_a_named_cluster_is_a_mongodb_uri(env, uri):
    assert load_config({**env, "MONGODB_URI": uri}, service="perinatal", role="relay").mongodb_uri == uri


@pytest.mark.parametrize("between", [",", " ", ", ", ",\n"])
def test_amqp_uri_may_name_every_node_of_a_cluster(env, between):
    uri = between.join(["amqp://u:a,b@one:5673/%2F", "amqps://u:p@two", "amqp://three"])

    assert load_config({**env, "AMQP_URI": uri}, service="perinatal", role="relay").amqp_uri == uri
    assert amqp_hosts(uri) == [("one", 5673), ("two", 5671), ("three", 5672)]


@pytest.mark.parametrize("name", ["JWT_PUBLIC_KEY_FILE", "DIRECTORY_FILE"])
def test_a_file_that_cannot_be_read_is_a_fault(env, tmp_path, name):
    assert faults_of({**env, name: str(tmp_path / "absent")}) == [
        f"environment: {name}: names a file that cannot be read: No such file or directory"
    ]
    assert faults_of({**env, name: str(tmp_path)}) == [
        f"environment: {name}: names a file that cannot be read: Is a directory"
    ]


def test_a_path_that_is_no_folder_is_a_fault(env):
    assert faults_of({**env, "STANDARDS_DIR": env["DIRECTORY_FILE"]}) == ["environment: STANDARDS_DIR: names no folder"]


def test_a_key_file_without_a_fitting_key_is_a_fault(env, tmp_path):
    (tmp_path / "short").write_text("too short\n")
    short = str(tmp_path / "short")

    assert faults_of({**env, "JWT_PUBLIC_KEY_FILE": short, "PERSON_ID_KEY_FILE": short}, "perinatal") == [
        "environment: JWT_PUBLIC_KEY_FILE: names a file that holds no Ed25519 public key in PEM",
        "environment: PERSON_ID_KEY_FILE: names a file that holds fewer than 16 bytes",
    ]


def test_every_fault_of_file_and_environment_is_listed_at_once(env, tmp_path):
    path = tmp_path / "followthrough.yaml"
    path.write_text(
        "mongodb_uri: nowhere\nsmtp_port: often\n\ncolour: green\nmail_from: [a, b]\nstandards_dir:\nlog_level: info\n"
    )
    given = {**env, "FOLLOWTHROUGH_CONFIG": str(path), "HTTP_ADDRESS": "x"}
    for name in ("MONGODB_URI", "SMTP_PORT", "MAIL_FROM", "STANDARDS_DIR", "AMQP_URI"):
        del given[name]

    assert faults_of(given) == [
        f"{path}:1: mongodb_uri: is no usable mongodb:// URI",
        f"{path}:2: smtp_port: Not a valid integer.",
        f"{path}:4: colour: Unknown field.",
        f"{path}:5: mail_from: Not a valid email address.",
        f"{path}:6: standards_dir: Field may not be null.",
        f"environment: AMQP_URI: is needed by referrals_followup serve and not set, nor is amqp_uri in {path}",
        "environment: HTTP_ADDRESS: is no host:port, such as 127.0.0.1:8000",
    ]


def test_the_environment_overrides_the_file(env, tmp_path):
    path = tmp_path / "followthrough.yaml"
    path.write_text("body_limit_bytes: 2048\nsmtp_port: wrong\nsweep_interval_seconds: 5\n")
    given = {**env, "FOLLOWTHROUGH_CONFIG": str(path), "BODY_LIMIT_BYTES": "4096", "SMTP_PORT": "2526"}

    config = load_config(given, service="referrals_followup", role="serve")

    assert (config.body_limit_bytes, config.smtp_port, config.sweep_interval_seconds) == (4096, 2526, 5)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- a list\n", ":1: the file is a mapping of settings"),
        ("smtp_port: 25\nsmtp_port: 26\n", ":2: smtp_port: is here twice, first on line 1"),
    ],
)
def test_a_file_that_is_no_mapping_of_settings_is_a_fault(env, tmp_path, text, fault):
    path = tmp_path / "followthrough.yaml"
    path.write_text(text)

    assert faults_of({**env, "FOLLOWTHROUGH_CONFIG": str(path)}) == [f"{path}{fault}"]


def test_an_empty_file_sets_nothing(env, tmp_path):
    path = tmp_path / "followthrough.yaml"
    path.write_text("")

    load_config({**env, "FOLLOWTHROUGH_CONFIG": str(path)}, service="perinatal", role="serve")


def test_a_missing_file_hides_missing_settings_but_not_wrong_ones(tmp_path):
    path = tmp_path / "absent.yaml"

    assert faults_of({"FOLLOWTHROUGH_CONFIG": str(path), "HTTP_ADDRESS": "x"}) == [
        f"{path}: cannot be read: No such file or directory",
        "environment: HTTP_ADDRESS: is no host:port, such as 127.0.0.1:8000",
    ]


def test_a_faulty_process_prints_every_fault_and_exits_2(capsys):
    with pytest.raises(SystemExit) as caught:
        config_or_exit("perinatal", "relay", {"LOG_LEVEL": "loud"})

    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "perinatal relay cannot start:",
        "environment: AMQP_URI: is needed by perinatal relay and not set",
        "environment: LOG_LEVEL: Must be one of: debug, info, warning, error.",
        "environment: MONGODB_URI: is needed by perinatal relay and not set",
    ]


def test_a_local_stack_may_replay(stack):
    clock = load_config(stack, service="perinatal", role="serve").clock()

    assert isinstance(clock, ReplayClock)
    assert clock.now() == datetime(2013, 1, 14, 9, tzinfo=UTC)


def replay_faults(env, **changed) -> list[str]:
    start = "environment: REPLAY_CLOCK_FILE: "
    found = faults_of({**env, **changed})
    assert all(fault.startswith(start) for fault in found)
    return [fault.removeprefix(start) for fault in found]


def test_a_replay_outside_a_local_stack_is_refused(stack):
    assert replay_faults(stack, LOCAL_STACK_DIR="") == ["is for the local stack only, and local_stack_dir is not set"]


def test_a_replay_in_a_folder_that_no_stack_runs_in_is_refused(stack, tmp_path):
    (tmp_path / "stack" / "stack.json").unlink()

    assert replay_faults(stack) == [
        "is for the local stack only, and local_stack_dir holds no stack.json that names its two addresses"
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"mongodb_uri": 1, "amqp_uri": 2}', '{"mongodb_uri": "x"}'])
def test_a_replay_is_refused_when_the_stack_file_does_not_name_its_addresses(stack, tmp_path, content):
    (tmp_path / "stack" / "stack.json").write_text(content)

    assert len(replay_faults(stack)) == 1


def test_a_replay_by_a_clock_file_outside_the_stack_folder_is_refused(stack, tmp_path):
    (tmp_path / "clock").write_text("2013-01-14T09:00:00Z\n")
    (tmp_path / "stack" / "link").symlink_to(tmp_path / "clock")

    for path in (tmp_path / "clock", tmp_path / "stack" / ".." / "clock", tmp_path / "stack" / "link"):
        assert replay_faults(stack, REPLAY_CLOCK_FILE=str(path)) == [
            "is for the local stack only, and the file lies outside local_stack_dir"
        ]


def test_a_replay_on_other_addresses_than_the_stacks_is_refused(stack):
    assert replay_faults(stack, MONGODB_URI="mongodb://127.0.0.1:27017", AMQP_URI="amqp://127.0.0.1") == [
        "is for the local stack only, and mongodb_uri is not the one in stack.json",
        "is for the local stack only, and amqp_uri is not the one in stack.json",
    ]


def test_a_replay_on_addresses_beyond_this_machine_is_refused_even_when_the_stack_names_them(stack, tmp_path):
    remote = {"mongodb_uri": "mongodb://10.0.0.7:27017", "amqp_uri": "amqp://broker.example.org"}
    (tmp_path / "stack" / "stack.json").write_text(json.dumps(remote))

    assert replay_faults(stack, MONGODB_URI=remote["mongodb_uri"], AMQP_URI=remote["amqp_uri"]) == [
        "is for the local stack only, and mongodb_uri is not on this machine's loopback",
        "is for the local stack only, and amqp_uri is not on this machine's loopback",
    ]


@pytest.mark.parametrize("content", ["", "yesterday", "2013-01-14T09:00:00", "2013-01-14\n2013-01-15\n", "\u00b2"])
def test_a_replay_clock_without_an_instant_is_refused(stack, tmp_path, content):
    (tmp_path / "stack" / "clock").write_text(content)

    assert replay_faults(stack) == ["names a file that does not hold one RFC 3339 instant"]


def test_a_replay_that_is_refused_in_the_file_names_the_line(stack, tmp_path):
    path = tmp_path / "followthrough.yaml"
    path.write_text(f"log_level: info\nreplay_clock_file: {stack.pop('REPLAY_CLOCK_FILE')}\n")
    del stack["LOCAL_STACK_DIR"]

    assert faults_of({**stack, "FOLLOWTHROUGH_CONFIG": str(path)}) == [
        f"{path}:2: replay_clock_file: is for the local stack only, and local_stack_dir is not set"
    ]
