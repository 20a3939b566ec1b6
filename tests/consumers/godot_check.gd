# Loads every scene of this project as a game would, and prints what Godot makes of it as one line of JSON.
# Run with: godot --headless --path PROJECT --script res://godot_check.gd
extends SceneTree


func _initialize() -> void:
	var found := {}
	for file in DirAccess.get_files_at("res://"):
		if file.get_extension() == "tscn":
			found[file] = await read(file)
	print("FOUND " + JSON.stringify({"version": Engine.get_version_info().string, "scenes": found}))
	quit()


func read(file: String) -> Dictionary:
	var scene: PackedScene = load("res://" + file)
	var root: Node2D = scene.instantiate()
	get_root().add_child(root)
	await physics_frame
	await physics_frame
	var terrain: TileMapLayer = root.get_node("Terrain")
	var size: Vector2i = terrain.tile_set.tile_size
	var space := root.get_world_2d().direct_space_state
	var cells := []
	for cell: Vector2i in terrain.get_used_cells():
		var at := terrain.get_cell_atlas_coords(cell)
		var data := terrain.get_cell_tile_data(cell)
		var point := PhysicsPointQueryParameters2D.new()
		point.position = terrain.to_global(terrain.map_to_local(cell))
		var polygons := data.get_collision_polygons_count(0)
		cells.append({
			"x": cell.x,
			"y": cell.y,
			"source": terrain.get_cell_source_id(cell),
			"picture": [at.x, at.y],
			"tile": data.get_custom_data("tile"),
			"role": data.get_custom_data("role"),
			"solid": data.get_custom_data("solid"),
			"hit": not space.intersect_point(point).is_empty(),
			"one_way": polygons > 0 and data.is_collision_polygon_one_way(0, 0),
		})
	var markers := []
	for marker: Marker2D in root.get_node("Entities").get_children():
		markers.append({
			"x": marker.position.x,
			"y": marker.position.y,
			"tile": marker.get_meta("tile"),
			"role": marker.get_meta("role"),
			"column": marker.get_meta("column"),
			"row": marker.get_meta("row"),
		})
	var facts := {}
	for name in root.get_meta_list():
		facts[name] = root.get_meta(name)
	var texture: Texture2D = (terrain.tile_set.get_source(0) as TileSetAtlasSource).texture
	var told := {
		"size": [size.x, size.y],
		"sheet": [texture.get_width(), texture.get_height()],
		"cells": cells,
		"markers": markers,
		"facts": facts,
	}
	root.queue_free()
	await physics_frame
	return told
