// Reads a LevelForge level (JSON, version 1) with System.Text.Json (.NET 6 or later; in Unity, add the package
// or use Newtonsoft.Json with the same classes). Not run by LevelForge's own tests.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

public sealed record Tile(string name, string symbol, string role);

public sealed class Level
{
    public string format { get; set; } = "";
    public int version { get; set; }
    public string id { get; set; } = "";
    public string game { get; set; } = "";
    public int width { get; set; }
    public int height { get; set; }
    public string? solution { get; set; }
    public double? difficulty { get; set; }
    public Tile[] vocabulary { get; set; } = Array.Empty<Tile>();
    public int[][] tiles { get; set; } = Array.Empty<int[]>();

    public static Level Read(string path)
    {
        var level = JsonSerializer.Deserialize<Level>(File.ReadAllText(path))!;
        if (level.format != "levelforge-level" || level.version != 1)
            throw new InvalidDataException($"{path}: not a LevelForge level of version 1");
        if (level.tiles.Length != level.height || Array.Exists(level.tiles, row => row.Length != level.width))
            throw new InvalidDataException($"{path}: tiles must be {level.height} rows of {level.width} numbers");
        return level;
    }

    public Tile At(int x, int y) => vocabulary[tiles[y][x]]; // row 0 is on top

    public IEnumerable<(int x, int y, Tile tile)> Find(string role)
    {
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                if (At(x, y).role == role) yield return (x, y, At(x, y));
    }
}
