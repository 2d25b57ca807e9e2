"""What lies in the device. It is kept in a file, so that it outlives the process; in the clear."""
import json
import os
import secrets
import struct

from refused import EXISTS, NO_PERMISSION, NOT_FOUND, STORAGE_FAILED, Refused

OPAQUE, AUTHENTICATION_KEY, ASYMMETRIC, WRAP_KEY, HMAC_KEY, SYMMETRIC = 1, 2, 3, 4, 5, 8
GENERATED, IMPORTED = 1, 2

# Capabilities: numbers of bits.
CAN = {
    'get-opaque': 0x00, 'put-opaque': 0x01, 'put-asymmetric': 0x03, 'generate-asymmetric': 0x04, 'sign-pkcs': 0x05,
    'sign-pss': 0x06, 'sign-ecdsa': 0x07, 'decrypt-pkcs': 0x09, 'decrypt-oaep': 0x0A, 'generate-wrap': 0x0F,
    'random': 0x13, 'put-hmac': 0x14, 'generate-hmac': 0x15, 'sign-hmac': 0x16, 'verify-hmac': 0x17,
    'delete-opaque': 0x27, 'delete-asymmetric': 0x29, 'delete-wrap': 0x2A, 'delete-hmac': 0x2B,
    'put-symmetric': 0x2F, 'generate-symmetric': 0x30, 'delete-symmetric': 0x31, 'decrypt-ecb': 0x32,
    'encrypt-ecb': 0x33, 'decrypt-cbc': 0x34, 'encrypt-cbc': 0x35,
}

MOST_OBJECTS = 256
PAGES, PAGE = 1024, 126
HEADER = 2 + 40 + 2 + 8 + 1  # id, label, domains, capabilities, algorithm

FACTORY_KEY = {
    'id': 1, 'type': AUTHENTICATION_KEY, 'label': b'DEFAULT AUTHKEY CHANGE THIS ASAP'.ljust(40, b'\0').hex(),
    'domains': 0xFFFF, 'capabilities': 'ff' * 8, 'delegated': 'ff' * 8, 'algorithm': 38, 'sequence': 0,
    'origin': IMPORTED, 'length': 40, 'secret': '',
}

# By what a command lists: the size of the number, and what it is compared with.
FILTERS = {
    1: (2, lambda each, number: each['id'] == number),
    2: (1, lambda each, number: each['type'] == number),
    3: (2, lambda each, number: each['domains'] & number),
    4: (8, lambda each, number: int(each['capabilities'], 16) & number),
    5: (1, lambda each, number: each['algorithm'] == number),
    6: (40, lambda each, number: int(each['label'], 16) == number),
}


class Objects:
    def __init__(self, path):
        self.path = path
        self.objects = {}
        self.sequences = {}
        if os.path.exists(path):
            with open(path) as file:
                kept = json.load(file)
            self.objects = {(each['id'], each['type']): each for each in kept['objects']}
            self.sequences = {int(key): value for key, value in kept['sequences'].items()}
        if (1, AUTHENTICATION_KEY) not in self.objects:
            self.objects[(1, AUTHENTICATION_KEY)] = FACTORY_KEY
            self.save()

    def save(self):
        new = f'{self.path}.new'
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
            json.dump({'objects': list(self.objects.values()), 'sequences': self.sequences}, file, indent=1)
        os.replace(new, self.path)

    def find(self, number, kind):
        if (number, kind) not in self.objects:
            raise Refused(NOT_FOUND)
        return self.objects[(number, kind)]

    def key(self, data, kind, use=None):
        """The object that the command begins with, which must have this capability."""
        each = self.find(struct.unpack('>H', data[:2])[0], kind)
        if use is not None and not int(each['capabilities'], 16) >> CAN[use] & 1:
            raise Refused(NO_PERMISSION)
        return each

    def add(self, data, kind, origin, secret, length, delegated='00' * 8):
        """`data` begins with what HEADER is the length of. An id of 0 or 0xFFFF: the device chooses one."""
        if len(self.objects) >= MOST_OBJECTS:
            raise Refused(STORAGE_FAILED)
        number = self.chosen_id(struct.unpack('>H', data[:2])[0], kind)
        mark = number << 8 | kind
        self.sequences[mark] = self.sequences.get(mark, -1) + 1 & 0xFF
        self.objects[(number, kind)] = {
            'id': number, 'type': kind, 'label': data[2:42].hex(), 'domains': struct.unpack('>H', data[42:44])[0],
            'capabilities': data[44:52].hex(), 'delegated': delegated, 'algorithm': data[52],
            'sequence': self.sequences[mark], 'origin': origin, 'length': length, 'secret': secret.hex(),
        }
        self.save()
        return struct.pack('>H', number)

    def chosen_id(self, number, kind):
        while number in (0, 0xFFFF):
            number = secrets.randbelow(0xFFFE) + 1
            number = 0 if (number, kind) in self.objects else number
        if (number, kind) in self.objects:
            raise Refused(EXISTS)
        return number

    def delete(self, session, data):
        each = self.find(*struct.unpack('>HB', data))
        del self.objects[(each['id'], each['type'])]
        self.save()
        return b''

    def list(self, session, data):
        found, at = list(self.objects.values()), 0
        while at < len(data):
            size, matches = FILTERS[data[at]]
            number = int.from_bytes(data[at + 1 : at + 1 + size], 'big')
            found = [each for each in found if matches(each, number)]
            at += 1 + size
        return b''.join(struct.pack('>HBB', each['id'], each['type'], each['sequence']) for each in found)

    def info(self, session, data):
        each = self.find(*struct.unpack('>HB', data))
        numbers = [each[name] for name in ('id', 'length', 'domains', 'type', 'algorithm', 'sequence', 'origin')]
        about = bytes.fromhex(each['capabilities']) + struct.pack('>HHHBBBB', *numbers)
        return about + bytes.fromhex(each['label']) + bytes.fromhex(each['delegated'])

    def room(self, session, data):
        pages = sum(-(-each['length'] // PAGE) for each in self.objects.values())
        free = MOST_OBJECTS - len(self.objects)
        return struct.pack('>5H', MOST_OBJECTS, free, PAGES, max(0, PAGES - pages), PAGE)
