import { parse } from 'dotenv';
import { UsageError } from '../../errors.ts';
import { type JsonObject, setOwn } from '../../json.ts';
import { envStatements, onlyVariable, refuseUnclear } from '../env-statements.ts';

/**
 * An .env file as the data of one secret.
 * @throws UsageError `bad_data`, never with a value in it
 */
export function readEnv(text: string, name: string): JsonObject {
  const data: JsonObject = {};
  for (const statement of envStatements(text, name)) {
    const { source, where } = statement;
    refuseUnclear(statement);
    const [key, value] = onlyVariable(parse(source), where);
    if (Object.hasOwn(data, key))
      // Without quotes the lines of a private key look like names: what stands before "=" may be a part of a value.
      throw new UsageError('bad_data', `${where}: a key is given twice`, {
        hint: 'leave one of them out, and put a value of several lines into quotes',
      });
    setOwn(data, key, value);
  }
  return data;
}
