import { openStore } from '../../src/journal/store.js';
import type { Tables } from '../../src/journal/tables.js';

/** Changes a digit in every row of these tables of the journal in `file`: what it tells looks as good as before. */
export async function damageRows(
  file: string,
  names: readonly (keyof Tables)[],
  isDamaged: (key: string) => boolean = () => true,
): Promise<void> {
  const store = await openStore(file);
  await store.transact((tables) => {
    for (const name of names) {
      for (const { key, value } of tables[name].slice(Infinity)) {
        if (isDamaged(key)) tables[name].put(key, withOtherDigit(value));
      }
    }
  });
  await store.close();
}

/** The last digit, which belongs to a time or a number. */
export function withOtherDigit(text: string): string {
  return text.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10));
}
