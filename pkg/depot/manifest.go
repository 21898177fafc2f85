package depot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// Media types of what a parcel is made of.
const (
	artifactType = "application/vnd.docker-catmandu.cache-mount.v1"
	configType   = "application/vnd.docker-catmandu.cache-mount.config.v1+json"
	treeType     = "application/vnd.docker-catmandu.cache-mount.tree.v1+zstd"
	tableType    = "application/vnd.docker-catmandu.cache-mount.table.v1+zstd"
	packType     = "application/vnd.docker-catmandu.cache-mount.pack.v1+zstd"
)

// errForeign says that a name is of something else than a parcel.
var errForeign = errors.New("is no stored cache mount of this version")

// config is the configuration of a manifest.
type config struct {
	Key
	parcel.Sum
}

// configData is where the manifest has its configuration, so that to list parcels takes one question each.
func parse(name string, text []byte) (*Parcel, error) {
	var m ocispecs.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w: %w", parcel.ErrDamaged, err)
	}
	if m.Config.MediaType != configType || len(m.Layers) < 2 || m.Layers[0].MediaType != treeType || m.Layers[1].MediaType != tableType {
		return nil, errForeign
	}
	var c config
	if err := json.Unmarshal(m.Config.Data, &c); err != nil {
		return nil, fmt.Errorf("manifest: %w: %w", parcel.ErrDamaged, err)
	}
	created, err := time.Parse(time.RFC3339, m.Annotations[ocispecs.AnnotationCreated])
	if err != nil {
		return nil, fmt.Errorf("manifest: %w: %w", parcel.ErrDamaged, err)
	}
	p := &Parcel{Name: name, Key: c.Key, Sum: c.Sum, Created: created, digest: digest.FromBytes(text), manifest: &m}
	for _, b := range p.blobs() {
		if err := b.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("manifest: %w: %w", parcel.ErrDamaged, err)
		}
		p.Size += b.Size
	}
	return p, nil
}

// compose writes the manifest of a parcel.
func compose(k Key, sum parcel.Sum, layers []ocispecs.Descriptor, now time.Time) (conf, text []byte, err error) {
	if conf, err = json.Marshal(config{k, sum}); err != nil {
		return nil, nil, err
	}
	c := describe(configType, conf)
	c.Data = conf
	text, err = json.Marshal(ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: c, Layers: layers,
		Annotations: map[string]string{ocispecs.AnnotationCreated: now.UTC().Format(time.RFC3339)},
	})
	return conf, text, err
}

func describe(mediaType string, text []byte) ocispecs.Descriptor {
	return ocispecs.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
}

// blobs are all that a parcel is made of, without its manifest.
func (p *Parcel) blobs() []ocispecs.Descriptor {
	return append(slices.Clone(p.manifest.Layers), p.manifest.Config)
}

// table is what the packs of a parcel have.
type table struct {
	Packs []packed `json:"packs"`
}

// packed is one pack.
type packed struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
	Blocks []block       `json:"blocks"`
}

// block is what one block of a pack has, and how long it is.
type block struct {
	Size   int64          `json:"size"`
	Chunks []parcel.Piece `json:"chunks"`
}

func (p *packed) descriptor() ocispecs.Descriptor {
	return ocispecs.Descriptor{MediaType: packType, Digest: p.Digest, Size: p.Size}
}

func (t *table) encode() ([]byte, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return enc.EncodeAll(text, nil), nil
}

// maxTable bounds what a table is unpacked to, in bytes.
const maxTable = 1 << 30

func decodeTable(text []byte) (*table, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxTable))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	plain, err := dec.DecodeAll(text, nil)
	if err != nil {
		return nil, fmt.Errorf("table: %w: %w", parcel.ErrDamaged, err)
	}
	t := &table{}
	if err := json.NewDecoder(bytes.NewReader(plain)).Decode(t); err != nil {
		return nil, fmt.Errorf("table: %w: %w", parcel.ErrDamaged, err)
	}
	for _, p := range t.Packs {
		if err := p.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("table: %w: %w", parcel.ErrDamaged, err)
		}
	}
	return t, nil
}
