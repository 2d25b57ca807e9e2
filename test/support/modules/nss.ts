import { findFile, inChild, MECHANISM_STEPS, type TestModule } from './token.ts';

const lib = findFile(['libsoftokn3.so', 'nss/libsoftokn3.so']);
const PIN = 'nss-1234';

/** NSS softokn: a token that is a folder of SQLite files, chosen by the library parameters of C_Initialize. */
export const nss: TestModule = {
  name: 'NSS softokn',
  missing: lib === null ? 'libsoftokn3.so is not installed (package libnss3)' : null,
  always: [...MECHANISM_STEPS, 'random', 'rotation'],
  async create(dir) {
    const parameters = `configdir='sql:${dir}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`;
    inChild(SET_PIN, { lib, parameters, pin: PIN });
    return {
      lib: lib ?? '',
      pin: PIN,
      parameters,
      env: {},
      enter: [],
      seal: ['token_label = "NSS Certificate DB"', `library_parameters = "${parameters}"`],
      remove: () => undefined,
    };
  },
};

/** The security officer of a fresh database has no PIN. pkcs11js drops the parameters' last character. */
const SET_PIN = `
  p11.C_Initialize({ flags: 0, libraryParameters: input.parameters + ' ' });
  const slot = p11.C_GetSlotList(true).find((each) => p11.C_GetTokenInfo(each).label.startsWith('NSS Certificate DB'));
  p11.C_InitPIN(open(slot, pkcs11js.CKU_SO, ''), input.pin);
  p11.C_Finalize();
`;
