import { expect, test } from 'vitest';
import { arrival, organisationName } from './arrival';

test('the login page takes an organisation and a problem that it knows, and nothing else', () => {
  expect(arrival('')).toEqual({ organisation: '', problem: null });
  expect(arrival('?problem=login-expired&organisation=praxis-7')).toEqual({ organisation: 'praxis-7', problem: 'login-expired' });
  expect(arrival('?problem=name-taken&organisation=default')).toEqual({ organisation: '', problem: 'name-taken' });
  expect(arrival('?problem=you-have-won&organisation=../evil')).toEqual({ organisation: '', problem: null });
  expect(arrival('?problem=__proto__')).toEqual({ organisation: '', problem: null });
});

test('an organisation is named in lower case, and none is the first', () => {
  expect(organisationName(' Praxis ')).toBe('praxis');
  expect(organisationName('')).toBe('default');
  expect(organisationName('a/b')).toBeNull();
  expect(organisationName('a'.repeat(64))).toBeNull();
});
