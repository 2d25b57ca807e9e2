"""The commands that make, take and use keys. Each gets the session and its data, and gives the answer's."""
import hashlib
import hmac
import secrets
import struct

import algorithms as alg
from objects import ASYMMETRIC, GENERATED, HEADER, HMAC_KEY, IMPORTED, OPAQUE, SYMMETRIC, WRAP_KEY
from refused import INVALID_DATA, WRONG_LENGTH, Refused


def secret_of(each):
    return bytes.fromhex(each['secret'])


class Keys:
    def __init__(self, objects, firmware):
        self.objects = objects
        self.makes_rsa_wrap_keys = firmware >= (2, 4, 0)

    # --- made in the device

    def generate_asymmetric(self, session, data):
        if len(data) != HEADER:
            raise Refused(WRONG_LENGTH)
        return self.objects.add(data, ASYMMETRIC, GENERATED, *alg.generated(data[52]))

    def generate_wrap(self, session, data):
        """An object that wraps nothing here: for whoever asks for a wrap key in the place of another."""
        algorithm, delegated = data[52], data[HEADER:]
        if len(delegated) != 8:
            raise Refused(WRONG_LENGTH)
        if algorithm in alg.WRAP_BYTES:
            return self.random_key(data, WRAP_KEY, alg.WRAP_BYTES[algorithm], delegated.hex())
        if algorithm in alg.RSA_BITS and self.makes_rsa_wrap_keys:
            return self.objects.add(data, WRAP_KEY, GENERATED, *alg.generated(algorithm), delegated.hex())
        raise Refused(INVALID_DATA)

    def generate_hmac(self, session, data):
        if len(data) != HEADER or data[52] not in alg.HMACS:
            raise Refused(INVALID_DATA)
        return self.random_key(data, HMAC_KEY, hashlib.new(alg.HMACS[data[52]]).digest_size)

    def generate_symmetric(self, session, data):
        if len(data) != HEADER or data[52] not in alg.AES_BYTES:
            raise Refused(INVALID_DATA)
        return self.random_key(data, SYMMETRIC, alg.AES_BYTES[data[52]])

    def random_key(self, data, kind, size, delegated='00' * 8):
        return self.objects.add(data, kind, GENERATED, secrets.token_bytes(size), size, delegated)

    # --- brought to the device

    def put_asymmetric(self, session, data):
        return self.objects.add(data, ASYMMETRIC, IMPORTED, *alg.imported(data[52], data[HEADER:]))

    def put_hmac(self, session, data):
        return self.put(data, HMAC_KEY, data[52] in alg.HMACS and 0 < len(data) - HEADER <= alg.LONGEST_HMAC_KEY[data[52]])

    def put_symmetric(self, session, data):
        return self.put(data, SYMMETRIC, alg.AES_BYTES.get(data[52]) == len(data) - HEADER)

    def put_opaque(self, session, data):
        return self.put(data, OPAQUE, data[52] in alg.OPAQUE)

    def put(self, data, kind, is_fit):
        if not is_fit:
            raise Refused(INVALID_DATA)
        value = data[HEADER:]
        return self.objects.add(data, kind, IMPORTED, value, len(value))

    # --- used

    def get_opaque(self, session, data):
        return secret_of(self.objects.key(data, OPAQUE))

    def public(self, session, data):
        each = self.objects.key(data, data[2] if len(data) > 2 else ASYMMETRIC)
        return bytes([each['algorithm']]) + alg.public_half(each['algorithm'], secret_of(each))

    def sign_hmac(self, session, data):
        each = self.objects.key(data, HMAC_KEY, 'sign-hmac')
        return alg.mac(each['algorithm'], secret_of(each), data[2:])

    def verify_hmac(self, session, data):
        each = self.objects.key(data, HMAC_KEY, 'verify-hmac')
        end = 2 + hashlib.new(alg.HMACS[each['algorithm']]).digest_size
        right = alg.mac(each['algorithm'], secret_of(each), data[end:])
        return bytes([hmac.compare_digest(right, data[2:end])])

    def cbc(self, data, encrypt):
        key, text = self.symmetric(data, 'encrypt-cbc' if encrypt else 'decrypt-cbc', data[18:])
        return alg.cbc(key, data[2:18], text, encrypt)

    def ecb(self, data, encrypt):
        key, text = self.symmetric(data, 'encrypt-ecb' if encrypt else 'decrypt-ecb', data[2:])
        return alg.ecb(key, text, encrypt)

    def symmetric(self, data, use, text):
        each = self.objects.key(data, SYMMETRIC, use)
        if not text or len(text) % 16:
            raise Refused(WRONG_LENGTH)
        return secret_of(each), text

    def asymmetric(self, data, use):
        return secret_of(self.objects.key(data, ASYMMETRIC, use))

    def sign_pkcs1(self, session, data):
        return alg.sign_pkcs1(self.asymmetric(data, 'sign-pkcs'), data[2:])

    def sign_pss(self, session, data):
        return alg.sign_pss(self.asymmetric(data, 'sign-pss'), *struct.unpack('>BH', data[2:5]), data[5:])

    def sign_ecdsa(self, session, data):
        return alg.sign_ecdsa(self.asymmetric(data, 'sign-ecdsa'), data[2:])

    def decrypt_pkcs1(self, session, data):
        return alg.decrypt_pkcs1(self.asymmetric(data, 'decrypt-pkcs'), data[2:])

    def decrypt_oaep(self, session, data):
        return alg.decrypt_oaep(self.asymmetric(data, 'decrypt-oaep'), data[2], data[3:])
