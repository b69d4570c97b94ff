// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire

/**
 * By whom a policy was set.
 */
export type PolicySource = "default" | "account" | "organisation" | "server";

/**
 * A policy, and what it is.
 */
export type PolicyEntry = { 
/**
 * What it is called.
 */
name: string, 
/**
 * What holds: `yes`, `no` or a number.
 */
value: string, 
/**
 * By whom that was set.
 */
source: PolicySource, 
/**
 * Of a number the least that it can be.
 */
least?: number, 
/**
 * And the most.
 */
most?: number, 
/**
 * What is set where was asked, whether it holds or not.
 */
set?: string, };

/**
 * `GET` of `/api/v1/policies` and `/api/v1/accounts/{account}/policies`: all
 * policies there are.
 */
export type PolicyList = { 
/**
 * Each.
 */
policies: Array<PolicyEntry>, };

/**
 * `PUT` of the same: all that is to be set there, and nothing else.
 */
export type PolicyRequest = { 
/**
 * Values by names.
 */
policies: { [key in string]: string }, };
