import { dataCommand } from './generic.ts';

export const patchCommand = dataCommand('patch', {
  summary: 'change some of what an engine has at a path, by a JSON merge patch',
  examples: ['coffer patch secret/metadata/app max_versions=5', 'coffer patch secret/data/app @patch.json'],
});
