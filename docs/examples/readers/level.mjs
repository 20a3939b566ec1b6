// Reads a LevelForge level (JSON, version 1). No dependencies; runs in Node.js and in browsers.
//
//   const level = readLevel(await (await fetch("level.json")).text());
//   if (level.at(x, y).role === "solid") …

export function readLevel(text) {
  const data = JSON.parse(text);
  if (data.format !== "levelforge-level") throw new Error("not a LevelForge level");
  if (data.version !== 1) throw new Error(`version ${data.version} is not known to this reader`);
  const { width, height, vocabulary, tiles } = data;
  if (tiles.length !== height || tiles.some((row) => row.length !== width)) {
    throw new Error(`tiles must be ${height} rows of ${width} numbers`);
  }
  for (const row of tiles) {
    for (const number of row) {
      if (!(number in vocabulary)) throw new Error(`tile ${number} is not in the vocabulary`);
    }
  }
  const outside = { name: "", symbol: " ", role: "" };
  const at = (x, y) => vocabulary[tiles[y]?.[x]] ?? outside;

  // Every cell whose tile has one of these roles, row by row, as { x, y, name, role }.
  const find = (...roles) =>
    tiles.flatMap((row, y) =>
      row.flatMap((number, x) => {
        const { name, role } = vocabulary[number];
        return roles.includes(role) ? [{ x, y, name, role }] : [];
      }),
    );

  return {
    ...data,
    at,
    find,
    start: find("start")[0],
    actions: [...(data.solution ?? "")], // the certificate, one letter an action
    toString: () => tiles.map((row) => row.map((n) => vocabulary[n].symbol).join("")).join("\n"),
  };
}
