"""The device: what it answers to one message, inside a session and outside of one."""
import hashlib
import hmac
import secrets
import struct
import sys
import threading
import time

from channel import Session, sealed_length
from keys import Keys
from objects import CAN, Objects
from refused import (
    AUTHENTICATION_FAILED, INVALID_COMMAND, INVALID_DATA, INVALID_SESSION, NO_PERMISSION, NOT_FOUND, SESSIONS_FULL,
    WRONG_LENGTH, Refused,
)

MOST_SESSIONS = 16
SERIAL = 20260001
ECHO, BEGIN, AUTHENTICATE, INSIDE, ABOUT, ERROR = 0x01, 0x03, 0x04, 0x05, 0x06, 0x7F
DELETE = 0x58
DELETES = {1: 'delete-opaque', 3: 'delete-asymmetric', 4: 'delete-wrap', 5: 'delete-hmac', 8: 'delete-symmetric'}
AES_COMMANDS = range(0x6D, 0x73)


def frame(command, data):
    return struct.pack('>BH', command, len(data)) + data


class Device:
    """
    latency: milliseconds before each answer; idle: seconds after which a session ends by itself; capabilities: all that the
    authentication key may do, or None for everything.
    """

    def __init__(self, state, firmware, password, latency, idle, capabilities, trace):
        self.firmware = firmware
        self.limit = 3136 if firmware >= (2, 4, 0) else 2048
        self.has_aes = firmware >= (2, 3, 0)
        self.latency = latency / 1000
        self.idle = idle
        self.may = set(CAN) if capabilities is None else set(filter(None, capabilities.split(',')))
        self.trace = trace
        self.keys = hashlib.pbkdf2_hmac('sha256', password.encode(), b'Yubico', 10000, 32)
        self.sessions = {}
        self.lock = threading.Lock()
        objects = Objects(state)
        self.commands = commands(self, objects, Keys(objects, firmware))

    def answer(self, message):
        with self.lock:
            if self.latency:
                time.sleep(self.latency)
            try:
                if len(message) < 3 or len(message) > self.limit or message != frame(message[0], message[3:]):
                    raise Refused(WRONG_LENGTH)
                return self.outside(message[0], message[3:], message)
            except Refused as error:
                return frame(ERROR, bytes([error.code]))

    def outside(self, command, data, message):
        if command == ECHO:
            return frame(ECHO | 0x80, data)
        if command == ABOUT:
            return frame(ABOUT | 0x80, self.about(data))
        if command == BEGIN:
            return frame(BEGIN | 0x80, self.begin(data))
        if command == AUTHENTICATE:
            return self.authenticate(data, message)
        if command == INSIDE:
            return self.inside(data, message)
        raise Refused(INVALID_COMMAND)

    def about(self, data):
        if data:
            if data != b'\x01' or self.firmware < (2, 4, 0):
                raise Refused(INVALID_DATA)
            return b'simulator'
        known = [*range(1, 50), *(range(50, 56) if self.has_aes else [])]
        return bytes(self.firmware) + struct.pack('>IBB', SERIAL, 62, 0) + bytes(known)

    def begin(self, data):
        if len(data) != 10:
            raise Refused(INVALID_DATA)
        if struct.unpack('>H', data[:2])[0] != 1:
            raise Refused(NOT_FOUND)
        self.sessions = {number: each for number, each in self.sessions.items() if not self.has_ended(each)}
        number = next((number for number in range(MOST_SESSIONS) if number not in self.sessions), None)
        if number is None:
            raise Refused(SESSIONS_FULL)
        session = self.sessions[number] = Session(number, self.keys, data[2:])
        return bytes([number]) + session.card_challenge + session.card_cryptogram

    def has_ended(self, session):
        return time.monotonic() - session.used > self.idle

    def authenticate(self, data, message):
        session = self.sessions.get(data[0]) if len(data) == 17 else None
        if session is None or session.is_open:
            raise Refused(INVALID_SESSION)
        if not session.accepts(message) or not hmac.compare_digest(data[1:9], session.host_cryptogram):
            del self.sessions[session.number]
            raise Refused(AUTHENTICATION_FAILED)
        session.is_open = True
        return frame(AUTHENTICATE | 0x80, b'')

    def inside(self, data, message):
        session = self.sessions.get(data[0]) if len(data) >= 25 else None
        if session is None or not session.is_open or self.has_ended(session):
            raise Refused(INVALID_SESSION)
        if not session.accepts(message):
            raise Refused(AUTHENTICATION_FAILED)
        session.used = time.monotonic()
        iv = session.next_iv()
        plain = session.opened(data[1:-8], iv)
        try:
            result = frame(plain[0] | 0x80, self.run(session, plain[0], plain[3:]))
            if sealed_length(result) > self.limit:
                raise Refused(WRONG_LENGTH)
        except Refused as error:
            result = frame(ERROR, bytes([error.code]))
        return session.sealed(result, iv)

    def run(self, session, command, data):
        if self.trace:
            say(f'session {session.number}: command {command:#04x}, {len(data)} bytes')
        needed, run = self.commands.get(command, (None, None))
        if run is None or (command in AES_COMMANDS and not self.has_aes):
            raise Refused(INVALID_COMMAND)
        if command == DELETE and len(data) == 3:
            needed = DELETES.get(data[2])
        if needed is not None and needed not in self.may:
            say(f'the authentication key lacks {needed}')
            raise Refused(NO_PERMISSION)
        try:
            return run(session, data)
        except (struct.error, IndexError, KeyError, ValueError) as error:
            say(f'command {command:#x}: {error!r}')
            raise Refused(INVALID_DATA)

    def close(self, session, data):
        del self.sessions[session.number]
        return b''


def commands(device, objects, keys):
    """By its number what the authentication key needs for a command, and what carries it out."""
    return {
        0x01: (None, lambda session, data: data), 0x40: (None, device.close), 0x41: (None, objects.room),
        0x42: ('put-opaque', keys.put_opaque), 0x43: ('get-opaque', keys.get_opaque),
        0x45: ('put-asymmetric', keys.put_asymmetric), 0x46: ('generate-asymmetric', keys.generate_asymmetric),
        0x47: ('sign-pkcs', keys.sign_pkcs1), 0x48: (None, objects.list), 0x49: ('decrypt-pkcs', keys.decrypt_pkcs1),
        0x4E: (None, objects.info), 0x51: ('random', lambda session, data: secrets.token_bytes(struct.unpack('>H', data)[0])),
        0x52: ('put-hmac', keys.put_hmac), 0x53: ('sign-hmac', keys.sign_hmac), 0x54: (None, keys.public),
        0x55: ('sign-pss', keys.sign_pss), 0x56: ('sign-ecdsa', keys.sign_ecdsa), DELETE: (None, objects.delete),
        0x59: ('decrypt-oaep', keys.decrypt_oaep), 0x5A: ('generate-hmac', keys.generate_hmac),
        0x5B: ('generate-wrap', keys.generate_wrap), 0x5C: ('verify-hmac', keys.verify_hmac),
        0x6D: ('put-symmetric', keys.put_symmetric), 0x6E: ('generate-symmetric', keys.generate_symmetric),
        0x6F: ('decrypt-ecb', lambda session, data: keys.ecb(data, False)),
        0x70: ('encrypt-ecb', lambda session, data: keys.ecb(data, True)),
        0x71: ('decrypt-cbc', lambda session, data: keys.cbc(data, False)),
        0x72: ('encrypt-cbc', lambda session, data: keys.cbc(data, True)),
    }


def say(line):
    print(line, file=sys.stderr, flush=True)
