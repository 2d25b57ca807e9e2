import { type Barrier, type Names, openView, type View } from '../../barrier/index.ts';
import { engineOf } from '../../engines/index.ts';
import { DATA } from '../row-paths.ts';
import type { Unsealed } from '../unsealed/unsealed.ts';
import { sealWrapper } from '../wrapped/value-wrapper.ts';
import type { Mount } from './table.ts';

/** What a mount holds, as its engine sees it. */
export function viewOf(
  mount: Mount,
  { rows, seal }: Pick<Unsealed, 'rows' | 'seal'>,
  barrier: Barrier,
  names: Names,
): View {
  const nameOf = (path: readonly string[]): string => mount.path + engineOf(mount).rowName(path);
  return openView({
    barrier,
    names,
    rows,
    root: DATA,
    base: mount.uuid,
    nameOf,
    wrapper: mount.sealWrap ? sealWrapper(seal) : null,
  });
}
