import { expect, test } from 'vitest';
import { addressOf, isSection, placeAt, SECTIONS } from './place';

test('every page is found by its own address, and by no other', () => {
  const places = ['login', 'rooms', ...SECTIONS] as const;
  const addresses = places.map(addressOf);
  expect(new Set(addresses).size).toBe(places.length);
  expect(addresses.map(placeAt)).toEqual(places);
  expect(places.filter(isSection)).toEqual(SECTIONS);
  expect(placeAt('/admin')).toBe('organisation');
});

test('what is no address of these pages leads to none, and an unknown part of the administration to its first', () => {
  for (const path of ['/', '/r/x', '/admins', '/roomsx', '/login/']) expect(placeAt(path), path).toBeNull();
  for (const path of ['/admin/', '/admin/nothing']) expect(placeAt(path), path).toBe('organisation');
});
