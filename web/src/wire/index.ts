// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
export type * from './account';
export type * from './audit';
export type * from './client';
export type * from './code';
export type * from './control';
export type * from './device';
export type * from './http';
export type * from './id';
export type * from './passkey';
export type * from './policy';
export type * from './text';
export type * from './webhook';
