"""The algorithms of the device by their numbers, and what it does with a key."""
import hashlib
import hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from refused import INVALID_DATA, WRONG_LENGTH, Refused

RSA_BITS = {9: 2048, 10: 3072, 11: 4096}
CURVES = {
    12: ec.SECP256R1, 13: ec.SECP384R1, 14: ec.SECP521R1, 15: ec.SECP256K1, 16: ec.BrainpoolP256R1,
    17: ec.BrainpoolP384R1, 18: ec.BrainpoolP512R1, 47: ec.SECP224R1,
}
HMACS = {19: 'sha1', 20: 'sha256', 21: 'sha384', 22: 'sha512'}
LONGEST_HMAC_KEY = {19: 64, 20: 64, 21: 128, 22: 128}
AES_BYTES = {50: 16, 51: 24, 52: 32}
WRAP_BYTES = {29: 16, 41: 24, 42: 32}
OPAQUE = (30, 31)
MGF = {32: 'sha1', 33: 'sha256', 34: 'sha384', 35: 'sha512'}

BY_DIGEST = {20: hashes.SHA1, 32: hashes.SHA256, 48: hashes.SHA384, 64: hashes.SHA512}
BY_NAME = {'sha1': hashes.SHA1, 'sha256': hashes.SHA256, 'sha384': hashes.SHA384, 'sha512': hashes.SHA512}


def crypt(key, mode, data, encrypt):
    cipher = Cipher(algorithms.AES(key), mode)
    run = cipher.encryptor() if encrypt else cipher.decryptor()
    return run.update(data) + run.finalize()


def cbc(key, iv, data, encrypt):
    return crypt(key, modes.CBC(iv), data, encrypt)


def ecb(key, data, encrypt):
    return crypt(key, modes.ECB(), data, encrypt)


def generated(algorithm):
    """A new private key, and how many bytes the device says that it has."""
    if algorithm in RSA_BITS:
        return encoded(rsa.generate_private_key(65537, RSA_BITS[algorithm])), stored_length(algorithm)
    if algorithm in CURVES:
        return encoded(ec.generate_private_key(CURVES[algorithm]())), stored_length(algorithm)
    raise Refused(INVALID_DATA)


def imported(algorithm, value):
    """The private key of these primes, or of this number."""
    if algorithm in RSA_BITS:
        half = len(value) // 2
        if half != RSA_BITS[algorithm] // 16:
            raise Refused(WRONG_LENGTH)
        p, q = int.from_bytes(value[:half], 'big'), int.from_bytes(value[half:], 'big')
        d = pow(65537, -1, (p - 1) * (q - 1))
        public = rsa.RSAPublicNumbers(65537, p * q)
        key = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()
    elif algorithm in CURVES:
        key = ec.derive_private_key(int.from_bytes(value, 'big'), CURVES[algorithm]())
    else:
        raise Refused(INVALID_DATA)
    return encoded(key), stored_length(algorithm)


def stored_length(algorithm):
    return RSA_BITS[algorithm] // 16 * 7 if algorithm in RSA_BITS else curve_bytes(algorithm) * 3


def curve_bytes(algorithm):
    return (CURVES[algorithm]().key_size + 7) // 8


def encoded(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())


def decoded(secret):
    return serialization.load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True)


def public_half(algorithm, secret):
    key = decoded(secret).public_key().public_numbers()
    if algorithm in RSA_BITS:
        return key.n.to_bytes(RSA_BITS[algorithm] // 8, 'big')
    size = curve_bytes(algorithm)
    return key.x.to_bytes(size, 'big') + key.y.to_bytes(size, 'big')


def mac(algorithm, secret, data):
    return hmac.digest(secret, data, HMACS[algorithm])


def sign_pkcs1(secret, value):
    """Of a digest, or of a DigestInfo that the host made."""
    key = decoded(secret)
    if len(value) in BY_DIGEST:
        return key.sign(value, padding.PKCS1v15(), Prehashed(BY_DIGEST[len(value)]()))
    size = key.key_size // 8
    if len(value) > size - 11:
        raise Refused(WRONG_LENGTH)
    return raw_rsa(key, b'\x00\x01' + b'\xff' * (size - 3 - len(value)) + b'\x00' + value)


def sign_pss(secret, mgf, salt, digest):
    mask = padding.MGF1(BY_NAME[MGF[mgf]]())
    return decoded(secret).sign(digest, padding.PSS(mask, salt), Prehashed(BY_DIGEST[len(digest)]()))


def sign_ecdsa(secret, digest):
    """The length chooses a hash for its name alone; what is no length of one is filled up from the left."""
    size = min((each for each in BY_DIGEST if each >= len(digest)), default=64)
    return decoded(secret).sign(digest[:size].rjust(size, b'\0'), ec.ECDSA(Prehashed(BY_DIGEST[size]())))


def decrypt_pkcs1(secret, ciphertext):
    key = decoded(secret)
    if len(ciphertext) != key.key_size // 8:
        raise Refused(WRONG_LENGTH)
    block = raw_rsa(key, ciphertext)
    end = block.find(b'\0', 2)
    if block[:2] != b'\0\2' or end < 10:
        raise Refused(INVALID_DATA)
    return block[end + 1 :]


def decrypt_oaep(secret, mgf, rest):
    """RFC 8017 section 7.1.2; `rest` is the ciphertext and the hash of the label, whose length names the hash."""
    key = decoded(secret)
    size = key.key_size // 8
    ciphertext, label = rest[:size], rest[size:]
    if len(label) not in BY_DIGEST:
        raise Refused(WRONG_LENGTH)
    block, end = raw_rsa(key, ciphertext), 1 + len(label)
    seed = xor(block[1:end], mgf1(MGF[mgf], block[end:], len(label)))
    text = xor(block[end:], mgf1(MGF[mgf], seed, size - end))
    message = text[len(label) :].lstrip(b'\0')
    if block[0] != 0 or not hmac.compare_digest(text[: len(label)], label) or message[:1] != b'\1':
        raise Refused(INVALID_DATA)
    return message[1:]


def raw_rsa(key, block):
    numbers = key.private_numbers()
    value = int.from_bytes(block, 'big')
    if value >= numbers.public_numbers.n:
        raise Refused(INVALID_DATA)
    one, two = pow(value, numbers.dmp1, numbers.p), pow(value, numbers.dmq1, numbers.q)
    return (two + (one - two) * numbers.iqmp % numbers.p * numbers.q).to_bytes(key.key_size // 8, 'big')


def mgf1(name, seed, length):
    out = b''
    for counter in range(-(-length // hashlib.new(name).digest_size)):
        out += hashlib.new(name, seed + counter.to_bytes(4, 'big')).digest()
    return out[:length]


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))
