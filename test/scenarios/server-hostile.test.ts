import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { importer, one } from '../support/server-import.ts';
import { makeStand, type Outcome } from '../support/store.ts';
import { type Misdeed, type ServerContents, startVaultServer, type VaultServer } from '../support/vault-server.ts';

const CONTENTS: ServerContents = { mounts: { new: { version: 2, secrets: { a: one(), 'b/c': one() } } } };

describe('a server that secrets are imported from', () => {
  const stand = makeStand();
  let server: VaultServer;
  let plain: VaultServer;
  beforeAll(async () => {
    stand.open();
    stand.ok('secrets', 'enable', '-path=two', '-version=2', 'kv');
    server = await startVaultServer(CONTENTS);
    plain = await startVaultServer(CONTENTS, { tls: false });
  });
  afterEach(() => {
    for (const each of [server, plain]) {
      each.contents = CONTENTS;
      each.misdeed = () => false;
      each.requests.length = 0;
    }
  });
  afterAll(async () => {
    await server.close();
    await plain.close();
    stand.remove();
  });
  const run = importer(stand, () => server);
  let count = 0;
  const nothing = async (
    args: readonly string[] = ['new', 'two/nothing'],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> => {
    const outcome = await run(args, env);
    expect(outcome.stdout).toBe('');
    expect(stand.run(['kv', 'list', 'two/nothing']).status).toBe(2);
    return outcome;
  };
  const all = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    const { status, stdout, stderr } = await run(['new', `two/all${count++}`], env);
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'Success! Imported 2 secrets: 2 new, 0 changed, 0 unchanged\n',
      stderr: '',
    });
  };
  /** Does something to the first requests of those whose line has `part`. */
  const first = (times: number, part: string, use: (response: ServerResponse) => void): Misdeed => {
    let left = times;
    return ({ url = '' }, response) => {
      if (!url.includes(part) || left-- <= 0) return false;
      use(response);
      return true;
    };
  };
  const always = (part: string, use: (response: ServerResponse) => void): Misdeed => first(Infinity, part, use);
  const status =
    (code: number, headers = {}) =>
    (response: ServerResponse): void =>
      void response.writeHead(code, headers).end('{"errors":["hunter2"]}');
  const asked = (part: string, of = server): number => of.requests.filter(({ line }) => line.includes(part)).length;

  describe('over https', () => {
    it('is trusted by the certificate that VAULT_CACERT names, and by no other', async () => {
      await all();
      const other = await startVaultServer(CONTENTS, { names: ['DNS:elsewhere.test'] });
      try {
        for (const [env, words] of [
          [{ VAULT_CACERT: '' }, 'is not trusted; nothing was sent'],
          [{ VAULT_CACERT: other.ca }, 'is not trusted; nothing was sent'],
          [{ VAULT_CACERT: other.ca, VAULT_ADDR: other.url }, 'is for another name; nothing was sent'],
          [{ VAULT_CACERT: '', VAULT_SKIP_VERIFY: 'true' }, 'is not trusted; nothing was sent'],
          [
            { VAULT_CACERT: '', NODE_TLS_REJECT_UNAUTHORIZED: '0', COFFER_DEBUG: '1' },
            'is not trusted; nothing was sent',
          ],
        ] as const) {
          const { status: code, stderr } = await nothing(undefined, env);
          expect(code).toBe(2);
          expect(stderr).toContain(words);
        }
        expect([...server.requests, ...other.requests].filter(({ line }) => line.includes('nothing'))).toEqual([]);
        expect(other.requests).toEqual([]);
        const { stderr } = await nothing(undefined, { VAULT_CACERT: '', BAO_SKIP_VERIFY: '1' });
        expect(stderr).toContain(
          'note: BAO_SKIP_VERIFY has no effect here: the certificate of the server is always verified\n',
        );
        expect(stderr).toContain(
          'hint: name in VAULT_CACERT a file with the certificate of the authority that signed it',
        );
      } finally {
        await other.close();
      }
    });

    it('is trusted by its own certificate, and by one of several', async () => {
      const certificate = await new Promise<string>((resolve, reject) => {
        const socket = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(new X509Certificate(socket.getPeerCertificate().raw).toString());
          socket.end();
        }).on('error', reject);
      });
      const other = await startVaultServer(CONTENTS);
      try {
        const both = `# caf\xe9\r\n${readFileSync(other.ca, 'utf8')}\n${readFileSync(server.ca, 'utf8')}`;
        await all({ VAULT_CACERT: stand.write('own.pem', certificate) });
        await all({ VAULT_CACERT: stand.write('both.pem', Buffer.from(both, 'latin1')) });
        const outcome = await nothing(undefined, { ...other.env, VAULT_CACERT: join(stand.dir, 'own.pem') });
        expect(outcome.stderr).toContain('is not trusted; nothing was sent');
      } finally {
        await other.close();
      }
    });

    it('needs a file of certificates that can be read', async () => {
      stand.write('authority.der', Buffer.from([0x30, 0x82, 0x01, 0xff]));
      stand.write('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
      for (const [file, words] of [
        ['none.pem', 'no such file or directory'],
        ['coffer.hcl', 'there is no certificate in it'],
        ['authority.der', 'there is no certificate in it'],
        ['/', 'illegal operation on a directory'],
        ['broken.pem', 'a certificate in it cannot be read'],
      ] as const) {
        const outcome = await nothing(undefined, { VAULT_CACERT: file });
        expect(outcome).toMatchObject({
          status: 1,
          stderr: expect.stringContaining(`VAULT_CACERT names ${file}: ${words}`) as string,
        });
      }
    });

    it('is no other one, and speaks TLS', async () => {
      const https = plain.url.replace('http:', 'https:');
      expect((await nothing(undefined, { VAULT_ADDR: https })).stderr).toContain(
        `error: no TLS connection with ${https} comes about`,
      );
      const http = await nothing(undefined, { VAULT_ADDR: server.url.replace('https:', 'http:') });
      expect(http).toMatchObject({ status: 2, stderr: expect.stringContaining('error: http://127.0.0.1:') as string });
    });
  });

  it('is asked over http on this machine alone', async () => {
    await all(plain.env);
    for (const host of ['vault.example.com', '10.0.0.1', '127.0.0.1.example.com', 'localhost.', '[::2]', '0.0.0.0']) {
      const outcome = await nothing(undefined, { VAULT_ADDR: `http://${host}:8200` });
      expect(outcome).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('VAULT_ADDR is an http address of another machine') as string,
      });
    }
  });

  it('is named by an address without more, and a token that can be one', async () => {
    for (const [env, words] of [
      [{ VAULT_ADDR: '' }, 'VAULT_ADDR is not set'],
      [{ VAULT_ADDR: 'vault.example.com' }, 'VAULT_ADDR is no address'],
      [{ VAULT_ADDR: 'unix:///run/vault.sock' }, 'neither https nor http'],
      [{ VAULT_ADDR: 'https://ada:hunter2@localhost' }, 'has a user or a password in it'],
      [{ VAULT_ADDR: 'https://localhost/?a=b' }, 'has more than a host, a port and a path'],
      [{ VAULT_TOKEN: '' }, 'VAULT_TOKEN is not set'],
      [{ VAULT_TOKEN: 'hunter2\r\nX: y' }, 'VAULT_TOKEN has a character that no token has'],
      [{ VAULT_NAMESPACE: 'a\nb' }, 'VAULT_NAMESPACE has a character that no namespace has'],
      [{ VAULT_CLIENT_TIMEOUT: 'soon' }, 'VAULT_CLIENT_TIMEOUT is no duration above zero'],
    ] as const) {
      const { status: code, stderr } = await nothing(undefined, env);
      expect(stderr).toContain(words);
      expect(code).toBe(1);
    }
    expect(server.requests).toEqual([]);
  });

  it('is the one of the variables of OpenBao where they are set, and is told the namespace', async () => {
    const names = ['ADDR', 'TOKEN', 'CACERT'].map(
      (name) => [`BAO_${name}`, server.env[`VAULT_${name}`] ?? ''] as const,
    );
    await all({
      ...Object.fromEntries(names),
      VAULT_ADDR: 'https://nowhere.invalid',
      VAULT_TOKEN: 'no',
      VAULT_CACERT: 'no',
      VAULT_NAMESPACE: 'v',
      BAO_NAMESPACE: 'team/a',
    });
    for (const { headers } of server.requests)
      expect(headers).toMatchObject({
        'x-vault-token': server.token,
        'x-vault-namespace': 'team/a',
        'x-vault-request': 'true',
      });
  });

  it('is reached without a proxy', async () => {
    const proxy = 'http://127.0.0.1:1';
    const proxies = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy, http_proxy: proxy, https_proxy: proxy };
    const env = { ...proxies, NODE_USE_ENV_PROXY: '1' };
    await all(env);
    await all({ ...plain.env, ...env });
  });

  it('may have its API below a path', async () => {
    server.misdeed = (request) => {
      request.url = (request.url ?? '').replace(/^\/behind\/proxy\//, '/');
      return false;
    };
    await all({ VAULT_ADDR: `${server.url}/behind/proxy/` });
    expect(server.requests.every(({ line }) => line.startsWith('GET /behind/proxy/v1/'))).toBe(true);
  });

  it('is told from one that is sealed, at once', async () => {
    server.misdeed = always('/data/b', status(503));
    const { status: code, stderr } = await nothing();
    expect(code).toBe(2);
    expect(stderr).toContain(`error: the server at ${server.url} is sealed, or not ready (status 503)\n`);
    expect(asked('/data/b')).toBe(1);
  });

  it('is asked again where it fails, and no more than five times', async () => {
    server.misdeed = first(2, '/data/a', status(500));
    await all();
    expect(asked('/data/a')).toBe(3);
    server.misdeed = first(1, '/data/a', status(429, { 'retry-after': '1' }));
    await all();
    server.misdeed = always('/data/a', status(502));
    server.requests.length = 0;
    const { status: code, stderr } = await nothing(undefined, { COFFER_DEBUG: '1' });
    expect({ code, asked: asked('/data/a') }).toEqual({ code: 2, asked: 5 });
    expect(stderr).toContain(`error: ${server.url}/v1/new/data/a?version=1 fails with the status 502\n`);
  });

  it('is asked again where the connection is cut, before an answer or within one', async () => {
    server.misdeed = first(2, '/data/a', ({ socket }) => socket?.destroy());
    await all();
    server.misdeed = first(1, '/data/a', (response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('{"data":');
      setTimeout(() => response.socket?.destroy(), 20);
    });
    await all();
    server.misdeed = first(1, '/data/a', (response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' }).write('{"data":');
      setTimeout(() => response.socket?.destroy(), 20);
    });
    await all();
    server.misdeed = always('list=true', ({ socket }) => socket?.destroy());
    server.requests.length = 0;
    const outcome = await nothing();
    expect(outcome).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('gives no answer: the connection was cut') as string,
    });
    expect(asked('list=true')).toBe(5);
  });

  it('may be slow, but not for ever', async () => {
    server.misdeed = always('/data/a', (response) => {
      const body = JSON.stringify({ data: { data: { n: 1 }, metadata: { version: 1, destroyed: false } } });
      const letters = [...body];
      const timer = setInterval(() => {
        response.write(letters.shift() ?? '');
        if (letters.length > 0) return;
        clearInterval(timer);
        response.end();
      }, 5);
    });
    await all();
    const waits: NodeJS.Timeout[] = [];
    for (const never of [
      () => undefined,
      (response: ServerResponse): void => void waits.push(setInterval(() => response.write(' '), 50)),
    ]) {
      server.misdeed = always('/data/a', never);
      server.requests.length = 0;
      const outcome = await nothing(undefined, { VAULT_CLIENT_TIMEOUT: '1s' });
      expect(outcome).toMatchObject({ status: 2, stderr: expect.stringContaining('has not answered in 1s') as string });
      expect(asked('/data/a')).toBe(1);
    }
    for (const wait of waits) clearInterval(wait);
  });

  it('may be a standby that leads to the same host and scheme, and nowhere else', async () => {
    const leader = await startVaultServer(CONTENTS, { tls: false });
    try {
      const to =
        (where: string): Misdeed =>
        (request, response) => {
          response.writeHead(307, { location: where.replace('<url>', request.url ?? '') }).end();
          return true;
        };
      plain.misdeed = to(`${leader.url}<url>`);
      await all(plain.env);
      expect(leader.requests.every(({ headers }) => headers['x-vault-token'] === leader.token)).toBe(true);
      expect(plain.requests).toHaveLength(1);
      // The one that was led to fails: the first is asked again.
      let failures = 1;
      leader.misdeed = ({ url = '' }, response) => {
        if (!url.includes('/data/a') || failures-- <= 0) return false;
        response.socket?.destroy();
        return true;
      };
      plain.requests.length = 0;
      await all(plain.env);
      expect(plain.requests).toHaveLength(2);
      leader.misdeed = () => false;
      leader.requests.length = 0;
      for (const [where, words] of [
        [
          `http://localhost:${leader.port}<url>`,
          'another host, localhost, and the token is sent to no other than that of VAULT_ADDR',
        ],
        [`http://evil.example\u0020:80`, 'redirects to'],
        [`http://x@localhost.evil.example:${leader.port}<url>`, 'another host, localhost.evil.example'],
        [`//localhost:${leader.port}<url>`, 'another host'],
        [`https://127.0.0.1:${leader.port}<url>`, 'another scheme, https:'],
        ['file:///etc/passwd', 'another scheme, file:'],
        [`${leader.url}/v1/sys/raw`, 'another path'],
        [`${leader.url}<url>?x=1`, 'another path'],
        ['', 'redirects to no address'],
        ['http://', 'no address'],
        [`${plain.url}<url>`, 'redirects again and again'],
      ] as const) {
        plain.misdeed = to(where);
        const { status: code, stderr } = await nothing(undefined, plain.env);
        expect(stderr).toContain(words);
        expect(code).toBe(2);
      }
      server.misdeed = to(`${leader.url}<url>`);
      expect((await nothing()).stderr).toContain('redirects to another scheme, http:');
      server.misdeed = to(`https://localhost:${server.port}<url>`);
      expect((await nothing()).stderr).toContain('redirects to another host, localhost');
      expect(leader.requests).toEqual([]);
    } finally {
      await leader.close();
    }
  });

  const names =
    (...keys: unknown[]) =>
    (response: ServerResponse): void =>
      void response.end(JSON.stringify({ data: { keys } }));
  const body =
    (bytes: string | Uint8Array, headers = {}) =>
    (response: ServerResponse): void =>
      void response.writeHead(200, headers).end(bytes);

  it.each<[string, Misdeed, string]>([
    [
      'names that lead elsewhere',
      always('list=true', names('..')),
      'lists "..", which is no name that can be asked for',
    ],
    ['a folder that does', always('list=true', names('../')), 'lists "..", which is no name'],
    ['an empty name', always('list=true', names('')), 'lists "", which is no name'],
    ['a slash alone', always('list=true', names('/')), 'lists "", which is no name'],
    ['a name with two slashes', always('list=true', names('a//')), 'lists "a/", which is no name'],
    ['a name within a folder', always('list=true', names('a/b')), 'lists "a/b", which is no name'],
    ['half a character', always('list=true', names('\ud800')), 'which is no name that can be asked for'],
    ['a number for a name', always('list=true', names(1)), 'a list of what are no names'],
    ['names that are none', always('list=true', body('{"data":{"keys":"hunter2"}}')), 'a list without keys'],
    ['a list that leads ever deeper', always('list=true', names('deeper/')), 'a list that leads ever deeper'],
    ['bytes that are no text', always('/data/a', body(Buffer.from([0x22, 0xff, 0x22]))), 'something that is no JSON'],
    ['a web page', always('/data/a', body('<html>hunter2</html>')), 'something that is no JSON'],
    ['half of the JSON', always('/data/a', body('{"data": {"password": "hunter2')), 'something that is no JSON'],
    ['a list for an object', always('/data/a', body('["hunter2"]')), 'JSON that is no object'],
    ['no data', always('/data/a', body('{"data":{"metadata":{}}}')), 'a secret without data'],
    ['text for data', always('/data/a', body('{"data":{"data":"hunter2","metadata":{}}}')), 'a secret without data'],
    ['nesting without end', always('/data/a', body('['.repeat(5_000_000))), 'something that is no JSON'],
    [
      'nesting that ends',
      always('/data/a', body(`{"data":{"metadata":{},"data":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}}`)),
      'JSON',
    ],
    [
      'something compressed',
      always('/data/a', body(gzipSync('{}'), { 'content-encoding': 'gzip' })),
      'something compressed',
    ],
    [
      'a page of its own for 404',
      always('/data/a', (response) => void response.writeHead(404).end('<html>')),
      'something that is no JSON',
    ],
    ['a success of another kind', always('/data/a', status(204)), 'the status 204'],
    ['a redirect to nowhere', always('/data/a', status(302)), 'redirects to no address'],
    ['no change since a time that was not named', always('/data/a', status(304)), 'the status 304'],
    [
      'another version than was asked for',
      always('/data/a', body('{"data":{"data":{"a":"hunter2"},"metadata":{"version":2}}}')),
      '/data/a?version=1 sent another version',
    ],
    [
      'another mount',
      always('sys/internal', body('{"data":{"path":"other/","type":"kv"}}')),
      'a mount at another path',
    ],
    ['no mount', always('sys/internal', body('{"data":null}')), 'JSON without data'],
    ['no number of a version', always('/data/a', body('{"data":{"data":{},"metadata":{}}}')), 'JSON without version'],
    [
      'metadata without the number of the newest version, which is not metadata alone',
      always('/metadata/a', body('{"data":{"versions":{"1":{}},"current_version":"1"}}')),
      'JSON without current_version',
    ],
    ['metadata that is none', always('/metadata/a', body('{"data":{"versions":[]}}')), 'JSON without versions'],
  ])('is not believed where it sends %s', async (_what, misdeed, words) => {
    server.misdeed = misdeed;
    const { status: code, stderr } = await nothing();
    expect(stderr).toContain(words);
    expect([1, 2]).toContain(code);
    expect(stderr).not.toContain('internal error');
  });

  it('is said to fail where it does: which of the secrets, and which of the folders', async () => {
    for (const [part, use, words] of [
      ['/data/b/c', body('<html>'), '/v1/new/data/b/c?version=1 sent something that is no JSON'],
      ['/data/b/c', body('{"data":{"metadata":{}}}'), '/v1/new/data/b/c?version=1 sent a secret without data'],
      ['/metadata/b/c', status(400), '/v1/new/metadata/b/c sent the status 400'],
      ['/metadata/b?', body('{"data":{"keys":7}}'), '/v1/new/metadata/b?list=true sent a list without keys'],
      ['/metadata/b?', names('..'), ' lists "b/..", which is no name'],
    ] as const) {
      server.misdeed = always(part, use);
      expect((await nothing()).stderr).toContain(words);
    }
  });

  it('is not listened to for more than 64 MiB, whatever length it says', async () => {
    const mebibyte = Buffer.alloc(1 << 20, 0x20);
    let sent = 0;
    server.misdeed = always('/data/a', (response) => {
      const more = (): void => {
        if (response.destroyed || sent > 500) return;
        sent++;
        response.write(mebibyte, () => setImmediate(more));
      };
      more();
    });
    const outcome = await nothing();
    expect(outcome).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('an answer of more than 64 MiB') as string,
    });
    expect(sent).toBeLessThan(200);
  });

  it('may list the same names again and again', async () => {
    const keys = [...Array.from({ length: 998 }, () => 'a'), 'a', 'b/'];
    server.misdeed = ({ url = '' }, response) => {
      if (!url.startsWith('/v1/new/metadata?')) return false;
      names(...keys)(response);
      return true;
    };
    await all();
    expect(asked('/v1/new/metadata?')).toBeLessThanOrEqual(2);
  });

  it('leaves nothing behind where it fails', async () => {
    server.misdeed = always('/data/b', status(503));
    await nothing(undefined, { TMPDIR: stand.dir });
    expect(readdirSync(stand.dir).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  describe('and speaks no HTTP', () => {
    let raw: NetServer;
    let text = '';
    let sockets = 0;
    beforeAll(async () => {
      raw = createServer((socket) => {
        sockets++;
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(text));
      }).listen(0, '127.0.0.1');
      await once(raw, 'listening');
    });
    afterAll(() => raw.close());
    it.each([
      ['nothing', '', 'the connection was cut'],
      ['another protocol', 'SSH-2.0-OpenSSH_9\r\n', 'what it sends is no HTTP'],
      ['a length below zero', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'what it sends is no HTTP'],
      [
        'two lengths',
        'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhunte',
        'what it sends is no HTTP',
      ],
      ['a header without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(200_000)}\r\n\r\n`, 'what it sends is no HTTP'],
      ['more than it says', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{"hunter2"', 'what it sends is no HTTP'],
      ['less than it says', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}', 'the connection was cut'],
      [
        'another protocol from here on',
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
        'error: http://127.0.0.1:',
      ],
    ])('but sends %s', async (_what, sent, words) => {
      text = sent;
      sockets = 0;
      const address = raw.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const outcome = await nothing(undefined, { VAULT_ADDR: `http://127.0.0.1:${port}`, VAULT_CLIENT_TIMEOUT: '2s' });
      expect(outcome).toMatchObject({ status: 2, stderr: expect.stringContaining(words) as string });
      expect(outcome.stderr).not.toContain('internal error');
      expect(sockets).toBeLessThanOrEqual(5);
    });
  });
});
