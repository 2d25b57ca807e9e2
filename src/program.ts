import { start } from './main.ts';

start(process.argv.slice(2));
