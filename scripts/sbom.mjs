// Makes a CycloneDX 1.5 bill of materials of what `cargo metadata` says on standard input and of
// web/package-lock.json. See scripts/sbom.
import { readFileSync } from 'node:fs';

/** What a release is made of; every crate these do not need is there for tests and measurements. */
const SHIPPED = ['conclave', 'conclave-e2ee-wasm'];
/** What of npm ends up in the bundle, with what it needs; every other package builds or checks it. */
const BUNDLED = ['svelte'];

/** All that can be reached from the roots. @param {string[]} roots @param {(one: string) => string[]} next */
function reach(roots, next) {
  const found = new Set(roots);
  for (const one of found) for (const other of next(one)) found.add(other);
  return found;
}

/** Cargo allows an older way to write a choice of licences. @param {string | undefined} text */
const licences = (text) => (text ? [{ expression: text.replaceAll(/\s*\/\s*/g, ' OR ') }] : []);

function crates() {
  const { packages, resolve } = JSON.parse(readFileSync(0, 'utf8'));
  const checksums = new Map(
    [...readFileSync('Cargo.lock', 'utf8').matchAll(/^name = "(.+)"\nversion = "(.+)"\nsource = .+\nchecksum = "(.+)"$/gm)].map(
      ([, name, version, checksum]) => [`${name}@${version}`, checksum],
    ),
  );
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const built = (id) => nodes.get(id).deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind !== 'dev')).map(({ pkg }) => pkg);
  const shipped = reach(packages.filter(({ name, source }) => source === null && SHIPPED.includes(name)).map(({ id }) => id), built);
  const refs = new Map(packages.map(({ id, name, version }) => [id, `pkg:cargo/${name}@${version}`]));
  return packages
    .filter(({ id }) => nodes.has(id))
    .map(({ id, name, version, license }) => {
      const checksum = checksums.get(`${name}@${version}`);
      return {
        component: {
          type: 'library',
          'bom-ref': refs.get(id),
          name,
          version,
          scope: shipped.has(id) ? 'required' : 'excluded',
          ...(checksum && { hashes: [{ alg: 'SHA-256', content: checksum }] }),
          licenses: licences(license),
          purl: refs.get(id),
        },
        needs: built(id).map((other) => refs.get(other)),
      };
    });
}

function npmPackages() {
  const { packages } = JSON.parse(readFileSync('web/package-lock.json', 'utf8'));
  const name = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const ref = (path) => `pkg:npm/${name(path).replace('@', '%40')}@${packages[path].version}`;
  // As Node looks for it: in the folder of the one who asks, then upwards.
  const find = (path, wanted) => {
    for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const candidate = `${at && `${at}/`}node_modules/${wanted}`;
      if (packages[candidate]) return [candidate];
      if (at === '') return [];
    }
  };
  const needs = (path) => {
    const { dependencies, optionalDependencies } = packages[path];
    return Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((wanted) => find(path, wanted));
  };
  const bundled = reach(BUNDLED.map((one) => `node_modules/${one}`), needs);
  return Object.keys(packages)
    .filter((path) => path !== '')
    .map((path) => {
      const [algorithm = '', hash = ''] = (packages[path].integrity ?? '').split('-');
      return {
        component: {
          type: 'library',
          'bom-ref': ref(path),
          name: name(path),
          version: packages[path].version,
          scope: bundled.has(path) ? 'required' : 'excluded',
          ...(algorithm === 'sha512' && { hashes: [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }] }),
          licenses: licences(packages[path].license),
          purl: ref(path),
        },
        needs: needs(path).map(ref),
      };
    });
}

const byRef = (a, b) => (a.component['bom-ref'] < b.component['bom-ref'] ? -1 : 1);
// The same version of a package may lie in several folders.
const all = [...new Map([...crates(), ...npmPackages()].map((one) => [one.component['bom-ref'], one])).values()].sort(byRef);
const product = all.find(({ component: { name, purl } }) => name === 'conclave' && purl.startsWith('pkg:cargo/'));
const parts = all.filter((one) => one !== product);
const bundled = parts.filter(({ component: { purl, scope } }) => purl.startsWith('pkg:npm/') && scope === 'required');
product.needs.push(...parts.filter(({ component: { name } }) => SHIPPED.includes(name)).map(({ component }) => component.purl));
product.needs.push(...bundled.filter(({ component: { name } }) => BUNDLED.includes(name)).map(({ component }) => component.purl));

const { scope: _, ...component } = product.component;
const bill = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: { component: { ...component, type: 'application' } },
  components: parts.map((part) => part.component),
  dependencies: all.map(({ component: part, needs }) => ({ ref: part['bom-ref'], dependsOn: [...new Set(needs)].sort() })),
};
process.stdout.write(`${JSON.stringify(bill, null, 1)}\n`);
