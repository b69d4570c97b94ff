/** What this browser and its authenticators do with passkeys: WebAuthn Level 3, whose JSON the service speaks. */

/** Nothing came of it: whoever was asked did not want to, or took too long. */
export const DECLINED = 'declined';
/** The authenticator has one of this account already. */
export const KNOWN = 'known';

/** Whether this browser can do it at all. */
export function canUsePasskeys(): boolean {
  return typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;
}

/** Whether it offers passkeys by itself, where a name is typed. */
export async function offersPasskeys(): Promise<boolean> {
  if (!canUsePasskeys() || !('isConditionalMediationAvailable' in PublicKeyCredential)) return false;
  return PublicKeyCredential.isConditionalMediationAvailable();
}

/** Makes a passkey as the service asks; what the authenticator answered. */
export async function makePasskey(asked: unknown): Promise<{ credential: unknown } | typeof DECLINED | typeof KNOWN> {
  try {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked as PublicKeyCredentialCreationOptionsJSON);
    return answer(await navigator.credentials.create({ publicKey }));
  } catch (error) {
    return error instanceof DOMException && error.name === 'InvalidStateError' ? KNOWN : DECLINED;
  }
}

/** Shows one; with `conditional` where a name is typed, until it is given up. */
export async function showPasskey(
  asked: unknown,
  mediation: 'optional' | 'conditional',
  signal: AbortSignal,
): Promise<{ credential: unknown } | typeof DECLINED> {
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked as PublicKeyCredentialRequestOptionsJSON);
    return answer(await navigator.credentials.get({ publicKey, mediation, signal }));
  } catch {
    return DECLINED;
  }
}

function answer(credential: Credential | null): { credential: unknown } | typeof DECLINED {
  return credential instanceof PublicKeyCredential ? { credential: credential.toJSON() as unknown } : DECLINED;
}
