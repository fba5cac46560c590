// What this browser keeps for the page: in this tab, or for good. A browser may refuse to keep anything; then there is
// nothing to recall, and everything else works.

export const tab = memory(() => sessionStorage);
export const always = memory(() => localStorage);

function memory(storage) {
  return {
    recall(name) {
      try {
        return JSON.parse(storage().getItem(`audiodup.${name}`));
      } catch {
        return null;
      }
    },
    keep(name, value) {
      try {
        storage().setItem(`audiodup.${name}`, JSON.stringify(value));
      } catch {
        // See above.
      }
    },
    /** Recalled once. */
    take(name) {
      const value = this.recall(name);
      this.keep(name, null);
      return value;
    },
  };
}
