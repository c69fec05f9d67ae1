"""Strict Ed25519 (RFC 8032): with the package `cryptography`, or without."""

import functools
import hashlib

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
I = pow(2, (P - 1) // 4, P)
ZERO = (0, 1, 1, 0)


def add(a, b):
    """The sum of two points in extended coordinates."""
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = ZERO
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 == (a[1] * b[2] - b[1] * a[2]) % P


def decode(data):
    """The point of 32 bytes in its only encoding, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * I % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def encode(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


@functools.cache
def is_usable_key(public):
    """Whether these bytes are a point, and not one of small order."""
    point = decode(public)
    return point is not None and not same(multiply(8, point), ZERO)


def verify(public, message, signature):
    """Whether the signature is good; keys and points of small order never are."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, point = decode(public), decode(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or point is None or scalar >= L:
        return False
    if same(multiply(8, key), ZERO) or same(multiply(8, point), ZERO):
        return False
    if Ed25519PublicKey is None:
        digest = hashlib.sha512(signature[:32] + public + message).digest()
        challenge = int.from_bytes(digest, "little") % L
        return same(multiply(scalar, BASE), add(point, multiply(challenge, key)))
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def expand(seed):
    data = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(data[:32], "little") & (1 << 254) - 8 | 1 << 254
    return scalar, data[32:]


def public_key(seed):
    """The public key of a 32-byte seed; for examples, since it is not constant-time."""
    return encode(multiply(expand(seed)[0], BASE))


def sign(seed, message):
    """A signature; for examples, since it is not constant-time."""
    scalar, prefix = expand(seed)
    public = encode(multiply(scalar, BASE))
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    point = encode(multiply(nonce, BASE))
    digest = hashlib.sha512(point + public + message).digest()
    challenge = int.from_bytes(digest, "little") % L
    return point + ((nonce + challenge * scalar) % L).to_bytes(32, "little")
