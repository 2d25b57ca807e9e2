/** @throws Error that shows both and says what they are of */
export function equal(actual, wanted, what = '') {
  if (actual !== wanted) throw new Error(`${what}\nwanted: ${wanted}\nfound:  ${actual}`);
}
