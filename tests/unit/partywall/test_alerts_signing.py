"""Signatures of webhooks, checked by the specification's values and by a verifier that is not ours."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as Verifier

from firewall.core.errors import ConfigError
from partywall.alerts.signing import Key, headers

# The signature `hnO3f9T8...` stands in the specification, on headers; key and message are its authors'.
PAIR = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
MESSAGE, AT_S, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
OTHER = "whsec_" + base64.b64encode(b"g" * 32).decode()


def test_both_versions_give_the_published_signatures() -> None:
    made = headers([Key.of(SHARED), Key.of(PAIR)], MESSAGE, AT_S, BODY)
    assert made == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(AT_S),
        "webhook-signature": f"{V1} {V1A}",
    }


def test_a_pair_is_read_from_its_seed_alone() -> None:
    seed = base64.b64encode(base64.b64decode(PAIR.removeprefix("whsk_"))[:32]).decode()
    assert Key.of(f"whsk_{seed}").sign(f"{MESSAGE}.{AT_S}.".encode() + BODY) == V1A


def test_while_a_key_is_replaced_the_old_and_the_new_one_both_verify() -> None:
    now_s = int(datetime.now(UTC).timestamp())
    body = json.dumps({"type": "incident.opened"}).encode()
    made = headers([Key.of(OTHER), Key.of(SHARED), Key.of(PAIR)], "msg_1", now_s, body)
    for secret in (OTHER, SHARED):
        assert Verifier(secret).verify(body, made) == {"type": "incident.opened"}


def test_a_changed_body_id_or_moment_verifies_with_neither_version() -> None:
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLIC))
    signature = base64.b64decode(V1A.removeprefix("v1a,"))
    public.verify(signature, f"{MESSAGE}.{AT_S}.".encode() + BODY)
    for content in (
        f"{MESSAGE}.{AT_S}.".encode() + BODY + b" ",
        f"{MESSAGE}x.{AT_S}.".encode() + BODY,
        f"{MESSAGE}.{AT_S + 1}.".encode() + BODY,
    ):
        assert Key.of(SHARED).sign(content) != V1
        with pytest.raises(InvalidSignature):
            public.verify(signature, content)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id="no-prefix"),
        pytest.param("whsec_" + base64.b64encode(b"k" * 23).decode(), id="23-bytes"),
        pytest.param("whsec_" + base64.b64encode(b"k" * 65).decode(), id="65-bytes"),
        pytest.param("whsec_not base64 at all, but long enough for it", id="no-base64"),
        pytest.param("whsk_" + base64.b64encode(b"k" * 31).decode(), id="half-a-pair"),
        pytest.param("whsk_" + base64.b64encode(b"k" * 64).decode(), id="another-pairs-public-key"),
        pytest.param("whpk_" + PUBLIC, id="a-public-key"),
    ],
)
def test_what_is_no_signing_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Key.of(text)
    assert text not in str(raised.value)
    assert text[6:] not in str(raised.value)


def test_a_key_is_not_shown() -> None:
    assert repr(Key.of(SHARED)) == repr(Key.of(PAIR)) == "Key()"
