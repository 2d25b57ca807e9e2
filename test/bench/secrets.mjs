const IN_A_FOLDER = 1000;

/** Where the secret of this number is, in every store of the bench: a thousand in each folder. */
export function secretPath(number) {
  const folder = Math.floor(number / IN_A_FOLDER);
  return `kv/team-${String(folder).padStart(4, '0')}/app-${String(number % IN_A_FOLDER).padStart(4, '0')}`;
}
