import { describe, expect, it } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import { makeHome, sealWith, type Home } from './home.ts';

/** What servers' files hold, in the forms in which people publish them. */
describe("a server's file", () => {
  const load = (text: string, env: Record<string, string> = {}): ReturnType<Home['load']> => {
    const home = makeHome();
    return home.load(home.write('c.hcl', text), env);
  };
  const notesOf = async (text: string): Promise<string[]> =>
    (await load(text)).notes.map((note) => note.replace(/^\S*c\.hcl/, 'c.hcl'));

  it('may have bare hexadecimal numbers, in a stanza that is indented by one blank', async () => {
    const text =
      'seal "pkcs11" {\n key_label = "vault-hsm-key"\n lib = "/usr/lib/grep11.so"\n slot = "0"\n mechanism = 0x1085\n' +
      ' hmac_mechanism = 0x0251\n pin = "12345678"\n generate_key = "true"\n # token_label = "x"\n hmac_key_label = "h"\n}\n';
    const { seal } = await load(`disable_mlock = true\n\nlistener "tcp" {\n  tls_disable   = 1\n}\n\n${text}`);
    expect(seal).toMatchObject({ mechanism: 0x1085, hmacMechanism: 0x251, token: { slot: 0n }, generateKey: true });
    expect(seal.pin).toMatchObject({ kind: 'literal', value: '12345678' });
  });

  it.each(['PKCS11', 'Pkcs11'])(
    'may write the type of the seal %s, and the types of other stanzas in capitals',
    async (type) => {
      const text = sealWith().replace('pkcs11', type);
      const config = await load(`storage "SQLite" { path = "/x" }\nentropy "Seal" { mode = "augmentation" }\n${text}`);
      expect(config).toMatchObject({
        storage: { path: '/x' },
        entropyAugmentation: true,
        seal: { lib: '/usr/lib/p11.so' },
      });
    },
  );

  it.each(['hsm', 'kms'])('may call the seal stanza %s, as older servers and OpenBao do', async (name) => {
    expect((await load(sealWith().replace('seal', name))).seal.lib).toBe('/usr/lib/p11.so');
    const home = makeHome();
    const twice = home.write('c.hcl', sealWith() + sealWith().replace('seal', name));
    expect(await home.failure(twice)).toMatchObject({ code: 'config_duplicate' });
    const misspelt = await home.failure(home.write('d.hcl', sealWith('pinn = "1"').replace('seal', name)));
    expect(misspelt.message).toContain(`${name} "pkcs11": unknown key "pinn"`);
  });

  it('may call the storage stanza backend, as the oldest servers do', async () => {
    const home = makeHome();
    const sqlite = await load(`backend "sqlite" {\n  path = "/x"\n}\n${sealWith()}`);
    expect(sqlite).toMatchObject({ storage: { path: '/x' }, notes: [] });
    const consul = home.write('consul.hcl', `backend "consul" {\n  token = "x"\n}\n${sealWith()}`);
    expect(await home.failure(consul)).toMatchObject({ code: 'config_storage_type' });
    const own = home.write('own.json', '{"backend": {"sqlite": {"path": "/y"}}}');
    const merged = await home.load([consul, own]);
    expect(merged.storage.path).toBe('/y');
    expect(merged.notes).toEqual([
      expect.stringMatching(/: backend "consul" is ignored: \S*own\.json has one, and the last file counts$/),
    ]);
    const twice = home.write(
      'twice.hcl',
      `storage "sqlite" { path = "/x" }\nbackend "sqlite" { path = "/y" }\n${sealWith()}`,
    );
    expect(await home.failure(twice)).toMatchObject({ code: 'config_duplicate' });
  });

  const migrated = [
    'seal "awskms" {\n  region = "eu-west-1"\n  disabled = "true"\n}\n',
    'seal "awskms" {\n  disabled = true\n  secret_key = "x" # }\n}\n',
    'seal "shamir" { disabled = "True" }\n',
    'seal "gcpckms" {\n  note = <<E\n disabled = false\n}\nE\n  other = { disabled = false }\n  "disabled" = 1\n}\n',
    'seal "transit" {\n  disabled_reason = "x"\n  text = "disabled = false"\n  disabled = "t",\n}\n',
    sealWith('disabled = "true"', 'key_label = "old"'),
  ];
  it.each(migrated)('may keep a seal that it was migrated from, with a note: %j', async (old) => {
    for (const text of [`${old}${sealWith()}`, `${sealWith()}${old}`]) {
      expect((await load(text)).seal.key.label).toBe('k');
      expect(await notesOf(text)).toEqual([
        expect.stringMatching(/^c\.hcl:\d+:1: seal "\w+" is ignored: it is disabled$/),
      ]);
    }
  });

  it.each([
    'seal "awskms" {\n  region = "x"\n}\n',
    'seal "awskms" {\n  disabled = "false"\n}\n',
    'seal "shamir" {}\n',
    'seal "awskms" {\n  nested {\n    disabled = "true"\n  }\n}\n',
  ])('must not have two seals that are not disabled: %j', async (other) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', `${other}${sealWith()}`));
    expect(error.code).toBe('config_seal_type');
    expect(hintText(error.hint ?? '')).toContain('disabled = "true"');
  });

  it.each(['disabled = "perhaps"', 'disabled = var.x', 'disabled = "${x}"'])(
    'is refused where a seal of another type has %s',
    async (line) => {
      const home = makeHome();
      const error = await home.failure(home.write('c.hcl', `seal "awskms" {\n  ${line}\n}\n${sealWith()}`));
      expect(error.message).toMatch(/:2:3: seal "awskms": disabled must be true or false$/);
    },
  );

  it.each([
    'purpose = "many,purposes"',
    'purpose = ["one", "two"]',
    'health_check_enabled = false',
    'health_check_interval = "10m"',
    'health_check_interval_unhealthy = "1m"',
    'health_check_timeout = 60',
  ])('may say %s of its seal, which is ignored with the one note', async (line) => {
    const key = line.split(' ')[0] ?? '';
    const text = `ui = true\n${sealWith(line, 'pin = "1"')}`;
    expect((await load(text)).seal.pin).toMatchObject({ kind: 'literal', value: '1' });
    const [note, ...others] = await notesOf(text);
    expect(others).toEqual([]);
    expect(note).toBe(`c.hcl: ignored, for only a Vault server needs it: ${[key, 'ui'].sort().join(', ')}`);
  });

  it('may have disable_sealwrap = false', async () => {
    for (const value of ['false', '"false"', '0']) {
      const [note] = await notesOf(`disable_sealwrap = ${value}\n${sealWith()}`);
      expect(note).toContain('disable_sealwrap');
    }
  });

  it("may use OpenBao's other names of keys and mechanisms", async () => {
    const text =
      'seal "pkcs11" {\n  module = "/m.so"\n  token = "OpenBao"\n  label = "bao"\n  mechanism = "RSA_PKCS_OAEP"\n  rsa_oaep_hash = "sha1"\n  hmac_key_label = "h"\n}\n';
    expect((await load(text)).seal).toMatchObject({
      lib: '/m.so',
      token: { label: 'OpenBao' },
      key: { label: 'bao' },
      mechanism: 9,
      rsaOaepHash: 'sha1',
    });
    const home = makeHome();
    const twice = await home.failure(home.write('c.hcl', sealWith('token = "other"')));
    expect([twice.code, hintText(twice.hint ?? '')]).toEqual(['config_duplicate', 'keep token_label alone']);
  });

  it('may have disable_software_encryption, which says the opposite of rsa_encrypt_local', async () => {
    expect(await load(sealWith('disable_software_encryption = true'))).toMatchObject({
      seal: { rsaEncryptLocal: false },
      notes: [],
    });
    const allowed = await load(sealWith('disable_software_encryption = "false"'));
    expect(allowed.seal.rsaEncryptLocal).toBe(false);
    expect(allowed.notes).toEqual([
      expect.stringMatching(/disable_software_encryption has no effect: the HSM encrypts/),
    ]);
    const both = sealWith('disable_software_encryption = false', 'rsa_encrypt_local = true');
    expect(await load(both)).toMatchObject({ seal: { rsaEncryptLocal: true }, notes: [] });
    const home = makeHome();
    const contrary = sealWith('disable_software_encryption = true', 'rsa_encrypt_local = true');
    expect(await home.failure(home.write('c.hcl', contrary))).toMatchObject({ code: 'config_conflict' });
  });

  it.each([
    'initialize "identity" {\n  request "x" {\n    data = { a = "${b}" }\n  }\n}',
    'audit "file" "to-stdout" {\n  options {\n    file_path = "stdout"\n  }\n}',
    'plugin "kms" "pkcs11" {\n  command = "x"\n}',
    'plugin_auto_download = true',
    'plugin_download_behavior = "continue"',
    'disable_standby_reads = true',
    'unsafe_allow_api_audit_creation = true',
    'adaptive_overload_protection {\n  disable_write_controller = false\n}',
    'enable_multiseal = true',
    'license_path = "/vault/license.hclic"',
    'api_addr = "https://$${HOSTNAME}.default.svc:8200"',
    'cluster_addr = "https://{{ GetInterfaceIP \\"eth0\\" }}:8201"',
  ])('may have what only a server needs: %j', async (stanza) => {
    const name = /^\w+/.exec(stanza)?.[0];
    expect(await notesOf(`${stanza}\n${sealWith()}`)).toEqual([
      `c.hcl: ignored, for only a Vault server needs it: ${name}`,
    ]);
  });

  it('may be JSON with all of this', async () => {
    const home = makeHome();
    const body = { lib: '/x', slot: '0', key_label: 'k', purpose: ['a'], pin: 'string://env:1' };
    const text = JSON.stringify({
      seal: [{ PKCS11: body }, { awskms: { disabled: 'true', access_key: '${KEY}' } }],
      listener: { tcp: { address: '${X}' } },
    });
    const config = await home.load(home.write('c.json', text));
    expect(config.seal.pin).toMatchObject({ kind: 'literal', value: 'env:1' });
    expect(config.notes).toEqual([
      expect.stringMatching(/needs it: listener, purpose$/),
      expect.stringMatching(/seal "awskms" is ignored: it is disabled$/),
    ]);
  });
});

describe('what HCL 1 and HCL 2 read differently', () => {
  const failure = async (line: string, name = 'c.hcl'): Promise<{ code: string; message: string; hint: string }> => {
    const home = makeHome();
    const text = name.endsWith('json')
      ? `{"seal": {"pkcs11": {"lib": "/x", "slot": 0, "key_label": "k", ${line}}}}`
      : sealWith(line);
    const { code, message, hint } = await home.failure(home.write(name, text));
    return { code, message, hint: hintText(hint ?? '') };
  };

  it.each(['pin = "a$${b"', 'pin = "a%%{b"', 'key_label = "a$${b"', 'pin = "${HSM_PIN}"', 'lib = "/a/%{b"'])(
    'is refused, and an unambiguous spelling named: %s',
    async (line) => {
      expect(await failure(line)).toMatchObject({
        code: 'config_template',
        hint: expect.stringContaining('\\u0024{') as string,
      });
    },
  );

  it.each(['"pin": "a$${b"', '"pin": "${HSM_PIN}"', '"key_id": "%{a"'])(
    'is refused in JSON, too: %s',
    async (member) => {
      expect(await failure(member, 'c.json')).toMatchObject({ code: 'config_template' });
    },
  );

  it('is taken in the spelling that both read alike', async () => {
    const home = makeHome();
    const hcl = await home.load(
      home.write('c.hcl', sealWith('pin = "a\\u0024{b\\u0025{c"', 'key_label = "\\u0024{k"')),
    );
    expect(hcl.seal).toMatchObject({ pin: { value: 'a${b%{c' }, key: { label: '${k' } });
    const json = '{"seal": {"pkcs11": {"lib": "/x", "slot": 0, "key_label": "\\u0024{k", "pin": "a\\u0024{b"}}}';
    expect((await home.load(home.write('c.json', json))).seal).toMatchObject({
      pin: { value: 'a${b' },
      key: { label: '${k' },
    });
  });

  it('is a heredoc, whose last line end HCL 1 keeps: it is refused', async () => {
    expect(await failure('pin = <<E\n1234\nE')).toMatchObject({ code: 'config_type' });
    expect(await failure('key_label = <<-E\n  k\n  E')).toMatchObject({ code: 'config_type' });
  });

  it('is text that HCL 2 puts into NFC: it stays as it is', async () => {
    const home = makeHome();
    for (const label of ['cle\u0301', 'cl\u00e9']) {
      const { seal } = await home.load(
        home.write('c.hcl', sealWith(`token_label = "${label}"`, 'key_label = "e\\u0301"')),
      );
      expect(seal.token.label).toBe(label);
      expect(seal.key.label).toBe('e\u0301');
    }
  });

  it.each(['key_label = 0x10', 'token_label = 0x10', 'name = 0x10', 'lib = 0x10'])(
    'is a hexadecimal number where a text is wanted: %s is refused',
    async (line) => {
      expect(await failure(line)).toMatchObject({
        code: 'config_type',
        message: expect.stringMatching(/must be a string$/) as string,
      });
    },
  );

  it.each(['slot = 010', 'key_id = 010', 'pin = 0042', 'pin = 1234'])(
    'is an octal or a bare number: %s is refused',
    async (line) => {
      expect((await failure(line)).code).toMatch(/^config_(syntax|type)$/);
    },
  );
});

describe('PIN sources in the words of Vault', () => {
  it.each([' 1234', '1234 '])('have no blanks around a literal PIN: %j', async (pin) => {
    const home = makeHome();
    const error = await home.failure(home.write('c.hcl', sealWith(`pin = "${pin}"`)));
    expect(error.code).toBe('pin_malformed');
    expect(error.message).toMatch(
      /pin begins or ends with a blank, which Vault would leave out; the token was not asked$/,
    );
    expect(error.message).not.toContain('1234');
  });

  it('name no relative file', async () => {
    const home = makeHome();
    expect(await home.failure(home.write('c.hcl', sealWith('pin = "file://hsm.pin"')))).toMatchObject({
      code: 'config_value',
    });
  });
});

describe("OpenBao's environment", () => {
  const base = { COFFER_SEAL_TYPE: 'pkcs11', COFFER_HSM_LIB: '/x', COFFER_HSM_SLOT: '0', COFFER_HSM_KEY_LABEL: 'k' };

  it("is read after coffer's own and before Vault's", async () => {
    const home = makeHome();
    const label = async (env: Record<string, string>): Promise<string | null> =>
      (await home.load(null, { ...base, COFFER_HSM_KEY_LABEL: '', ...env })).seal.key.label;
    expect(await label({ BAO_HSM_KEY_LABEL: 'b', VAULT_HSM_KEY_LABEL: 'v' })).toBe('b');
    expect(await label({ BAO_HSM_KEY_LABEL: 'b', COFFER_HSM_KEY_LABEL: 'c' })).toBe('c');
    expect(await label({ BAO_HSM_KEY_LABEL: '', VAULT_HSM_KEY_LABEL: 'v' })).toBe('v');
  });

  it.each(['BAO_SEAL_TYPE', 'VAULT_HSM_TYPE'])('has %s, in capitals too', async (name) => {
    const home = makeHome();
    const rest = { ...base, COFFER_SEAL_TYPE: '' };
    for (const type of ['pkcs11', 'PKCS11'])
      expect((await home.load(null, { ...rest, [name]: type })).seal.lib).toBe('/x');
    expect((await home.failure(null, { ...rest, [name]: 'awskms' })).message).toContain(`environment variable ${name}`);
  });

  it('gives a PIN as it is', async () => {
    const { seal } = await makeHome().load(null, { ...base, BAO_HSM_PIN: ' file:/x ' });
    expect(seal.pin).toEqual({
      kind: 'literal',
      value: ' file:/x ',
      origin: 'environment variable BAO_HSM_PIN',
      file: null,
    });
  });
});
