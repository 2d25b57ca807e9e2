"""What the device answers to a command that it does not carry out."""

INVALID_COMMAND, INVALID_DATA, INVALID_SESSION, AUTHENTICATION_FAILED = 0x01, 0x02, 0x03, 0x04
SESSIONS_FULL, STORAGE_FAILED, WRONG_LENGTH, NO_PERMISSION, NOT_FOUND, EXISTS = 0x05, 0x07, 0x08, 0x09, 0x0B, 0x11


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code
