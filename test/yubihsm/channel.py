"""The secure channel between host and device: SCP03 with symmetric keys (GlobalPlatform, Secure Channel Protocol '03')."""
import hmac
import secrets
import struct
import time

from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC

from algorithms import cbc, ecb


class Session:
    def __init__(self, number, keys, host_challenge):
        self.number = number
        self.card_challenge = secrets.token_bytes(8)
        context = host_challenge + self.card_challenge
        self.enc = derive(keys[:16], 4, context, 128)
        self.mac = derive(keys[16:], 6, context, 128)
        self.rmac = derive(keys[16:], 7, context, 128)
        self.card_cryptogram = derive(self.mac, 0, context, 64)
        self.host_cryptogram = derive(self.mac, 1, context, 64)
        self.chain = bytes(16)
        self.counter = 1
        self.is_open = False
        self.used = time.monotonic()

    def accepts(self, message):
        """Whether the MAC at the end of a whole message is right; it becomes the next link of the chain then."""
        right = cmac(self.mac, self.chain + message[:-8])
        if not hmac.compare_digest(right[:8], message[-8:]):
            return False
        self.chain = right
        return True

    def next_iv(self):
        iv = ecb(self.enc, self.counter.to_bytes(16, 'big'), True)
        self.counter += 1
        return iv

    def opened(self, data, iv):
        return cbc(self.enc, iv, data, False).rstrip(b'\0')[:-1]

    def sealed(self, answer, iv):
        """The whole message of the device with this answer in it."""
        padded = (answer + b'\x80').ljust((len(answer) // 16 + 1) * 16, b'\0')
        body = bytes([self.number]) + cbc(self.enc, iv, padded, True)
        head = struct.pack('>BH', 0x85, len(body) + 8) + body
        return head + cmac(self.rmac, self.chain + head)[:8]


def sealed_length(answer):
    return 3 + 1 + (len(answer) // 16 + 1) * 16 + 8


def derive(key, purpose, context, bits):
    return cmac(key, bytes(11) + bytes([purpose, 0]) + struct.pack('>H', bits) + b'\x01' + context)[: bits // 8]


def cmac(key, data):
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()
