import { StoreError } from '../../../errors.ts';

/**
 * Where a standby leads to. The token goes to the host that the operator named and to no other: to the same host, scheme and path alone.
 * @param location as the server has it
 * @param at that was asked
 * @param target the path and query that were asked for
 * @returns the origin to ask
 * @throws StoreError `server_redirects`
 */
export function leaderAt(location: string | undefined, at: URL, target: string): URL {
  const asked = new URL(at.origin + target);
  const to = location !== undefined && URL.canParse(location, asked.href) ? new URL(location, asked) : null;
  const refused = (why: string, hint: string): StoreError =>
    new StoreError('server_redirects', `${at.origin} redirects to ${why}`, { hint });
  if (to === null || (location ?? '') === '')
    throw refused('no address', 'look at the configuration of the server: api_addr');
  if (to.protocol !== at.protocol)
    throw refused(
      `another scheme, ${to.protocol.slice(0, 20)}`,
      'name in VAULT_ADDR the address that the server has itself',
    );
  if (to.hostname !== at.hostname)
    throw refused(
      `another host, ${to.hostname.slice(0, 253)}, and the token is sent to no other than that of VAULT_ADDR`,
      'where you know that host as the leader of the cluster, name it in VAULT_ADDR',
    );
  if (to.pathname + to.search !== asked.pathname + asked.search)
    throw refused('another path', 'check VAULT_ADDR: a standby leads to the same path of its leader');
  return new URL(to.origin);
}
