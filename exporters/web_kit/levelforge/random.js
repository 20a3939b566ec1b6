/**
 * Random numbers from a seed: the same seed gives the same numbers in every browser.
 *
 *     const random = new Random(7, 0);    // seed 7, stream 0
 *     random.uniform(), random.normal(), random.gumbel()
 *
 * sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32.
 */
export class Random {
  /** @param {...number} words whole numbers: a seed, and what tells one stream from another */
  constructor(...words) {
    let mix = 0x9e3779b9;
    const next = () => {
      mix = (mix + 0x9e3779b9) | 0;
      let z = mix ^ (mix >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return (z ^ (z >>> 15)) | 0;
    };
    for (const word of words) {
      mix = (mix ^ (word | 0)) | 0;
      mix = next() ^ Math.floor(word / 2 ** 32);
    }
    this._state = Int32Array.of(next(), next(), next(), 1);
    for (let i = 0; i < 12; i++) this._next();
  }

  /** 32 random bits. */
  _next() {
    const s = this._state;
    const out = (s[0] + s[1] + s[3]) | 0;
    s[3] = s[3] + 1;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + out;
    return out >>> 0;
  }

  /** In (0, 1): never 0, so that logarithms are finite. */
  uniform() {
    return ((this._next() >>> 8) + 0.5) / 2 ** 24;
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low, high) {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  /** Standard normal (Box and Muller 1958). */
  normal() {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Standard Gumbel: adding it to logits and taking the largest samples them. */
  gumbel() {
    return -Math.log(-Math.log(this.uniform()));
  }
}
