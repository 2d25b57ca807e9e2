"""A simulator of the YubiHSM 2, for tests without the hardware: it answers as yubihsm-connector does, over HTTP on 127.0.0.1.

    simulator.py --state FILE.json [--port-file FILE] [--firmware 2.4.0] [...]

It needs the package `cryptography`. Its only authentication key is the one that a device leaves the factory with: id 1, password
"password", every capability, every domain. It is no security device: keys lie in FILE.json in the clear.

What it does: the secure channel, sixteen sessions that end after 30 idle seconds, RSA, EC, HMAC and (from firmware 2.3 on) AES
keys, opaque objects, random bytes, capabilities, ids of 16 bits, labels of 40 bytes, the limit on a message (2048 bytes, 3136 from
firmware 2.4 on).
What it does not do: asymmetric sessions, further authentication keys, delegated capabilities, domains, wrapping, Ed25519, ECDH, OTP,
SSH, attestation, the audit log, FIPS mode, and the time that the hardware takes (see --latency).

Faults on demand: --die-after N ends the process instead of answering the Nth message; --hang-after N never answers it;
--no-device says that the connector has no device. GET /simulator/sessions tells how many sessions are open and how many messages
came.
"""
import argparse
import os
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from device import Device
from objects import CAN


class Connector(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def __init__(self, options):
        super().__init__(('127.0.0.1', options.port), Request)
        self.options = options
        self.messages = 0
        firmware = tuple(map(int, options.firmware.split('.')))
        self.device = Device(
            options.state, firmware, options.password, options.latency, options.idle, options.capabilities, options.trace
        )


class Request(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def reply(self, kind, body, status=200):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == '/simulator/sessions':
            counts = f'{len(self.server.device.sessions)} {self.server.messages}\n'
            return self.reply('text/plain', counts.encode())
        if self.path != '/connector/status':
            return self.reply('text/plain', b'', 404)
        status = 'NO_DEVICE' if self.server.options.no_device else 'OK'
        address, port = self.server.server_address
        text = f'status={status}\nserial=*\nversion=3.0.4\npid={os.getpid()}\naddress={address}\nport={port}\n'
        return self.reply('text/plain', text.encode())

    def do_POST(self):
        message = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if self.path != '/connector/api':
            return self.reply('text/plain', b'', 404)
        self.server.messages += 1
        if reached(self.server.messages, self.server.options.die_after):
            os._exit(1)
        if reached(self.server.messages, self.server.options.hang_after):
            time.sleep(3600)
        return self.reply('application/octet-stream', self.server.device.answer(message))


def reached(count, limit):
    return limit is not None and count >= limit


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--state', required=True, metavar='FILE')
    parser.add_argument('--port', type=int, default=0, help='0: any that is free')
    parser.add_argument('--port-file', metavar='FILE', help='gets the number of the port when it listens')
    parser.add_argument('--firmware', default='2.4.0', help='2.2.0: without AES')
    parser.add_argument('--password', default='password')
    parser.add_argument('--latency', type=float, default=0, metavar='MS')
    parser.add_argument('--idle', type=float, default=30, metavar='SECONDS', help='after which a session ends by itself')
    parser.add_argument('--die-after', type=int, metavar='N')
    parser.add_argument('--hang-after', type=int, metavar='N')
    parser.add_argument('--capabilities', metavar='A,B', help='of the authentication key: ' + ', '.join(sorted(CAN)))
    parser.add_argument('--no-device', action='store_true')
    parser.add_argument('--trace', action='store_true', help='each command inside a session on stderr')
    return parser.parse_args()


def main():
    given = options()
    connector = Connector(given)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if given.port_file:
        with open(given.port_file + '.new', 'w') as file:
            file.write(f'{connector.server_address[1]}\n')
        os.replace(given.port_file + '.new', given.port_file)
    connector.serve_forever()


if __name__ == '__main__':
    main()
