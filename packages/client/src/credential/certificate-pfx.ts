import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { asn1, pkcs12, pki } from 'node-forge'
import { ConfigurationError } from '../errors.ts'
import { unusable } from './certificate-refusal.ts'

/** What a PFX holds, in its own order. */
export interface PfxContents {
  readonly keys: readonly KeyObject[]
  readonly certificates: readonly X509Certificate[]
}

type Forge = typeof import('node-forge')

/**
 * Opens a PFX (PKCS #12, RFC 7292) with node-forge, which is loaded here and nowhere else: OpenSSL reads the format, but
 * Node does not hand out the key.
 *
 * @throws ConfigurationError if node-forge is not installed, or the password does not open the PFX.
 */
export async function openPfx(
  bytes: Buffer,
  password: string | undefined,
  from: string,
): Promise<PfxContents> {
  const forge = await loadForge(from)
  try {
    const bags = unlocked(forge, bytes, password).safeContents.flatMap(({ safeBags }) => safeBags)
    return {
      keys: bags.flatMap((bag) => keyOf(forge, bag) ?? []),
      certificates: bags.flatMap((bag) => certificateOf(forge, bag) ?? []),
    }
  } catch {
    // The library's own words are left out: they can quote what it failed to read.
    throw unusable(from, 'holds a PFX that is damaged or that the password does not open')
  }
}

async function loadForge(from: string): Promise<Forge> {
  try {
    return (await import('node-forge')).default
  } catch (error) {
    throw new ConfigurationError(
      `Cannot read the PFX in ${from}, as the package node-forge is needed: it could not be loaded`,
      {
        code: 'pfx_reader_missing',
        hint: 'Run `npm install node-forge`, or turn the PFX into PEM: openssl pkcs12 -in FILE.pfx -out FILE.pem -nodes',
        cause: error,
      },
    )
  }
}

function unlocked(forge: Forge, bytes: Buffer, password: string | undefined): pkcs12.Pkcs12Pfx {
  const parsed = forge.asn1.fromDer(bytes.toString('latin1'))
  if (password) return forge.pkcs12.pkcs12FromAsn1(parsed, false, password)
  // "No password" is written in two ways, as an empty one and as none at all (RFC 7292 §B.1).
  try {
    return forge.pkcs12.pkcs12FromAsn1(parsed, false, '')
  } catch {
    return forge.pkcs12.pkcs12FromAsn1(parsed, false)
  }
}

function keyOf(forge: Forge, bag: pkcs12.Bag): KeyObject | undefined {
  const { keyBag, pkcs8ShroudedKeyBag } = forge.pki.oids
  if (bag.type !== keyBag && bag.type !== pkcs8ShroudedKeyBag) return undefined
  // The library parses RSA keys alone and leaves others as they are, in PKCS #8.
  return bag.key
    ? createPrivateKey({ key: der(forge, forge.pki.privateKeyToAsn1(bag.key)), format: 'der', type: 'pkcs1' })
    : createPrivateKey({ key: der(forge, bag.asn1), format: 'der', type: 'pkcs8' })
}

function certificateOf(forge: Forge, bag: pkcs12.Bag): X509Certificate | undefined {
  if (bag.type !== forge.pki.oids['certBag']) return undefined
  return new X509Certificate(der(forge, bag.cert ? original(forge, bag.cert) : bag.asn1))
}

/**
 * The certificate as it was signed. The library writes the algorithm's parameters anew, which would change the thumbprint;
 * the signed part repeats the algorithm, byte by byte (RFC 5280 §4.1.1.2).
 */
function original(forge: Forge, { tbsCertificate, signature }: pki.Certificate): asn1.Asn1 {
  const { create, Class, Type } = forge.asn1
  const parts = typeof tbsCertificate.value === 'string' ? [] : tbsCertificate.value
  const hasVersion = parts[0]?.tagClass === Class.CONTEXT_SPECIFIC
  const algorithm = parts[hasVersion ? 2 : 1]
  const bits = create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${signature}`)
  return create(Class.UNIVERSAL, Type.SEQUENCE, true, [
    tbsCertificate,
    ...(algorithm ? [algorithm] : []),
    bits,
  ])
}

const der = (forge: Forge, value: asn1.Asn1) => Buffer.from(forge.asn1.toDer(value).getBytes(), 'latin1')
